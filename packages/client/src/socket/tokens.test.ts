import { eventually } from "@musubi/testing";
import type { Socket } from "phoenix";
import { beforeEach, describe, expect, test } from "vitest";
import type { SocketExtras } from "../socket.js";
import { clock, create, logger, nextDelay, numbered, open, server, standing, turn } from "./socket-setup.test.util.js";

const message = (topic: string, event: string, joinRef: string, ref: string, payload: object = {}) => ({
  topic,
  event,
  payload,
  ref,
  join_ref: joinRef,
});

describe("createSocket: tokens", () => {
  test("a fresh one is awaited for every connect and every phx_join", async () => {
    const socket = create({ token: numbered(), params: { user: "u1" } });
    const channel = socket.channel("room", { seat: 4 });
    let joins = 0;
    socket.connect();
    channel.join().receive("ok", () => joins++);
    await eventually(() => joins === 1);
    server.close(1006);
    await nextDelay(socket);
    await eventually(() => joins === 2);
    expect(server.urlTokens).toEqual(["t1", "t3"]);
    expect(server.urls.map((url) => url.searchParams.get("user"))).toEqual(["u1", "u1"]);
    expect(server.received.filter(({ event }) => event === "phx_join").map(({ payload }) => payload)).toEqual([
      { token: "t2", seat: 4 },
      { token: "t4", seat: 4 },
    ]);
  });

  test("a rejoin after a refused or crashed join has a fresh one too", async () => {
    const socket = await open({ token: numbered(), rejoinBackoff: { baseMs: 2 } });
    let errors = 0;
    let isJoined = false;
    server.answer = ({ event }) => (event === "phx_join" && server.joinTokens("room").length <= 2 ? "error" : "ok");
    socket
      .channel("room")
      .join()
      .receive("error", () => errors++)
      .receive("ok", () => {
        isJoined = true;
      });
    await eventually(() => isJoined);
    expect([errors, server.joinTokens("room")]).toEqual([2, ["t2", "t3", "t4"]]);
    server.send(JSON.stringify([null, null, "room", "phx_error", {}]));
    await eventually(() => server.joinTokens("room").length === 4);
    expect(server.joinTokens("room")[3]).toBe("t5");
  });

  test("a function that answers at once connects at once", () => {
    const socket = create({ token: () => "now" });
    socket.connect();
    expect([socket.connectionState(), server.urlTokens]).toEqual(["connecting", ["now"]]);
  });

  test("authToken: the token goes where phoenix.js 1.8 puts it, and stays out of the URL", async () => {
    const offered: unknown[] = [];
    class Recording extends server.transport {
      constructor(url: string, protocols?: unknown) {
        super(url);
        offered.push(protocols);
      }
    }
    await open({ token: numbered(), tokenIn: "authToken", transport: Recording });
    expect([offered, server.urlTokens]).toEqual([[["phoenix", "base64url.bearer.phx.dDE"]], [null]]);
  });

  test("no token function: joins are as phoenix.js makes them", async () => {
    const socket = await open();
    socket.channel("room", { seat: 1 }).join();
    await eventually(() => server.count("phx_join") === 1);
    expect(server.received[0]?.payload).toEqual({ seat: 1 });
  });

  test("a join that brings its own token, as an upload's does, keeps it", async () => {
    const socket = await open({ token: numbered() });
    socket.channel("musubi_upload:1", { token: "of the upload" }).join();
    await eventually(() => server.count("phx_join") === 1);
    expect(server.joinTokens()).toEqual(["of the upload"]);
  });

  test.each([
    ["rejects", () => Promise.reject(new Error("no session"))],
    [
      "throws",
      () => {
        throw new Error("no session");
      },
    ],
    ["gives no string", () => 7 as unknown as string],
  ])("a function that %s: the attempt failed, is reported, and made again with back-off", async (_how, fails) => {
    let isWell = false;
    const socket = create({ token: () => (isWell ? "good" : fails()) });
    socket.connect();
    await eventually(() => standing(socket) === "waiting");
    expect(socket.statusDetail.current).toMatchObject({
      reason: { kind: "token_failed" },
      nextRetryAt: clock.now() + 250,
    });
    clock.advance(250);
    await eventually(() => socket.statusDetail.current.nextRetryAt === clock.now() + 500);
    expect([logger.error.mock.calls.length, server.urls.length]).toEqual([2, 0]);
    isWell = true;
    clock.advance(500);
    await eventually(() => standing(socket) === "open");
    expect(server.urlTokens).toEqual(["good"]);
  });

  test("a function that never answers has failed after its time; a late answer is not used", async () => {
    const answers: ((token: string) => void)[] = [];
    const socket = create({ token: () => new Promise((resolve) => answers.push(resolve)), tokenTimeoutMs: 4_000 });
    socket.connect();
    clock.advance(4_000);
    expect(socket.statusDetail.current).toMatchObject({ transport: "waiting", reason: { kind: "token_failed" } });
    answers[0]?.("late");
    await turn();
    expect(server.urls.length).toBe(0);
    clock.advance(250);
    answers[1]?.("good");
    await eventually(() => standing(socket) === "open");
    expect(server.urlTokens).toEqual(["good"]);
  });

  test("a token that comes after disconnect opens nothing", async () => {
    const answers: ((token: string) => void)[] = [];
    const socket = create({ token: () => new Promise((resolve) => answers.push(resolve)) });
    socket.connect();
    socket.disconnect();
    answers[0]?.("late");
    await turn();
    expect([server.urls.length, clock.pending]).toEqual([0, 0]);
  });

  test("a failure for a join: that join is sent once there is one, and no other topic waits", async () => {
    let asked = 0;
    const socket = await open({
      token: async () => {
        if (++asked === 2) throw new Error("no session");
        return `t${asked}`;
      },
    });
    let isJoined = false;
    socket
      .channel("room")
      .join()
      .receive("ok", () => {
        isJoined = true;
      });
    await eventually(() => logger.error.mock.calls.length === 1);
    socket.channel("other").join();
    await eventually(() => server.joinTokens("other").length === 1);
    expect([server.joinTokens("room"), standing(socket)]).toEqual([[], "open"]);
    clock.advance(500);
    await eventually(() => isJoined);
    expect(server.joinTokens("room")).toEqual(["t4"]);
  });
});

describe("createSocket: order of frames while a join waits for its token", () => {
  let answers: ((token: string) => void)[];
  let socket: Socket & SocketExtras;

  beforeEach(async () => {
    answers = [];
    let isConnecting = true;
    socket = await open({
      token: () => {
        if (!isConnecting) return new Promise((resolve) => answers.push(resolve));
        isConnecting = false;
        return "connect";
      },
    });
  });

  test("later frames of its topic follow it in order; other topics and heartbeats do not wait", async () => {
    socket.push(message("room", "phx_join", "90", "90"));
    socket.push(message("room", "one", "90", "91"));
    socket.push(message("room", "two", "90", "92"));
    socket.push(message("lobby", "three", "80", "93"));
    socket.push({ topic: "phoenix", event: "heartbeat", payload: {}, ref: "94" });
    await eventually(() => server.received.length === 2);
    expect(server.received.map(({ event }) => event)).toEqual(["three", "heartbeat"]);
    answers[0]?.("late");
    await eventually(() => server.received.length === 5);
    expect(server.events("room")).toEqual(["phx_join", "one", "two"]);
    expect(server.joinTokens("room")).toEqual(["late"]);
  });

  test("a socket that closed meanwhile drops it: the next transport sees only the rejoin", async () => {
    socket.channel("room").join();
    await eventually(() => answers.length === 1);
    server.close(1006);
    await eventually(() => standing(socket) === "waiting");
    expect(clock.pending, "only the retry").toBe(1);
    answers[0]?.("of the first");
    clock.advance(250);
    await eventually(() => answers.length === 2);
    answers[1]?.("of the second");
    await eventually(() => standing(socket) === "connecting" || standing(socket) === "open");
    await eventually(() => answers.length === 3);
    answers[2]?.("of the rejoin");
    await eventually(() => server.joinTokens("room").length === 1);
    await turn();
    expect(server.joinTokens("room")).toEqual(["of the rejoin"]);
    expect(server.urlTokens).toEqual(["connect", "of the second"]);
  });

  test("a newer join of the topic takes its place", async () => {
    socket.push(message("room", "phx_join", "90", "90"));
    socket.push(message("room", "one", "90", "91"));
    socket.push(message("room", "phx_join", "95", "95"));
    socket.push(message("room", "two", "95", "96"));
    answers[0]?.("older");
    answers[1]?.("newer");
    await eventually(() => server.received.length === 2);
    await turn();
    expect([server.events("room"), server.joinTokens("room")]).toEqual([["phx_join", "two"], ["newer"]]);
  });

  test("its own leave takes it back: neither is sent; the leave of an older join goes out after it", async () => {
    socket.push(message("room", "phx_join", "90", "90"));
    socket.push(message("room", "phx_leave", "90", "91"));
    answers[0]?.("unused");
    socket.push(message("lobby", "phx_join", "70", "70"));
    socket.push(message("lobby", "phx_leave", "60", "71"));
    answers[1]?.("used");
    await eventually(() => server.received.length === 2);
    await turn();
    expect([server.events("room"), server.events("lobby")]).toEqual([[], ["phx_join", "phx_leave"]]);
  });

  test("disconnect drops it and leaves no timer", async () => {
    socket.channel("room").join();
    await eventually(() => answers.length === 1);
    socket.disconnect();
    expect(clock.pending).toBe(0);
    answers[0]?.("late");
    await turn();
    expect(server.received).toEqual([]);
  });
});
