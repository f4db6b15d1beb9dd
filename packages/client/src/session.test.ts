import {
  eventually,
  FakeClock,
  initialEnvelope,
  type ReceivedMessage,
  ScriptedServer,
  type TestSocket,
} from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AnyRegistry, connect, type Logger, type MountedStore, type MusubiConnection } from "./index.js";

const ROOT = "Counter:a";
let server: ScriptedServer;
let socket: TestSocket;
let clock: FakeClock;
let connection: MusubiConnection<AnyRegistry>;
let mounted: MountedStore<string, AnyRegistry>;
const logger = { warn: vi.fn(), error: vi.fn() } satisfies Logger;

beforeEach(async () => {
  vi.clearAllMocks();
  clock = new FakeClock();
  server = new ScriptedServer();
  server.joinReply = joinReply("s1", "t1");
  server.intercept("mount", (message) => answerMount(message, { epoch: "e1" }, { count: 0 }));
  socket = server.createSocket();
  connection = await connect<AnyRegistry>(socket, { clock, logger, random: () => 0.5 });
  mounted = await connection.mountStore({ module: "Counter", id: "a" });
});

afterEach(async () => {
  await connection.disconnect();
  socket.disconnect();
  expect(clock.pending).toBe(0);
  expect(logger.error).not.toHaveBeenCalled();
});

const FEATURES = ["resume", "idempotent_commands", "something new"];
const joinReply = (id: string, token: string) => ({
  session: { id, token, idle_timeout_ms: 1_000 },
  features: FEATURES,
});
const answerMount = (message: ReceivedMessage, answer: object, fields?: object) => {
  server.reply(message, "ok", { root_id: ROOT, ...answer });
  if (fields !== undefined) server.push("patch", initialEnvelope(ROOT, fields as never, {}));
};
const patch = (from: number, count: number) =>
  server.push("patch", {
    type: "patch",
    root_id: ROOT,
    base_version: from,
    version: from + 1,
    ops: [{ op: "replace", path: "/count", value: count }],
    stream_ops: [],
  });
const count = () => (mounted.store as { count?: unknown }).count;
const isLive = () => mounted.state.current.status === "live";
const last = (event: string) => server.messages(event).at(-1);
const rejoin = async () => {
  const joins = server.messages("phx_join").length;
  server.cut();
  await eventually(() => server.messages("phx_join").length === joins + 1 && isLive(), "the root is live again");
};

describe("resume", () => {
  test("protocol.md 2 (resume): a rejoin names the session and what to keep; the root goes on from its version", async () => {
    patch(1, 5);
    await eventually(() => count() === 5);
    const before = mounted.store.snapshot();
    const listener = vi.fn();
    mounted.store.subscribe(listener);
    server.intercept("mount", (message) => {
      answerMount(message, { epoch: "e1", resumed: true });
      patch(2, 6);
      patch(3, 7);
    });
    await rejoin();
    await eventually(() => count() === 7);
    expect(server.messages("phx_join")).toEqual([{}, { session: { id: "s1", token: "t1", keep: [ROOT] } }]);
    expect(last("mount")).toEqual({ module: "Counter", id: "a", params: {}, resume: { epoch: "e1", version: 2 } });
    expect(listener).toHaveBeenCalledTimes(2);
    expect(before).toMatchObject({ count: 5 });
    expect(server.messages("unmount")).toEqual([]);
  });

  test("protocol.md 2 (resume): nothing missed, nothing changes: nobody is told, the snapshot is the same", async () => {
    const before = mounted.store.snapshot();
    const listener = vi.fn();
    mounted.store.subscribe(listener);
    server.intercept("mount", (message) => answerMount(message, { epoch: "e1", resumed: true }));
    await rejoin();
    expect(mounted.store.snapshot()).toBe(before);
    expect(listener).not.toHaveBeenCalled();
    expect(connection.status.current).toBe("ready");
  });

  test("protocol.md 2 (resume): resumed false brings a fresh initial envelope and a new epoch", async () => {
    server.intercept("mount", (message) => answerMount(message, { epoch: "e2", resumed: false }, { count: 9 }));
    await rejoin();
    expect(count()).toBe(9);
    await rejoin();
    expect(last("mount")).toMatchObject({ resume: { epoch: "e2", version: 1 } });
  });

  test("client.md 4: params that remount asks for while offline are mounted, not resumed with the former ones", async () => {
    server.intercept("mount", (message) => answerMount(message, { epoch: "e2" }, { count: 9 }));
    server.accepting = false;
    server.cut();
    await eventually(() => mounted.state.current.status === "stale");
    const remounted = mounted.remount({ page: 2 });
    expect(count()).toBe(0);
    server.accepting = true;
    await remounted;
    expect(last("phx_join")).toEqual({ session: { id: "s1", token: "t1", keep: [] } });
    expect(last("mount")).toEqual({ module: "Counter", id: "a", params: { page: 2 } });
    expect(count()).toBe(9);
  });

  test("client.md 4: params that remount asks for while the former are being resumed are mounted after all", async () => {
    const answers: (() => void)[] = [];
    server.intercept("mount", (message) => answers.push(() => answerMount(message, { epoch: "e1", resumed: true })));
    server.cut();
    await eventually(() => answers.length === 1);
    server.intercept("mount", (message) => answerMount(message, { epoch: "e2" }, { count: 9 }));
    const remounted = mounted.remount({});
    answers[0]?.();
    await remounted;
    expect(server.messages("unmount")).toEqual([{ root_id: ROOT }]);
    expect(last("mount")).toEqual({ module: "Counter", id: "a", params: {} });
    expect(count()).toBe(9);
  });

  test("protocol.md 2 (resume): a root given up while its session rejoins is not left on the server", async () => {
    const joins: (() => void)[] = [];
    const stop = server.intercept("phx_join", (_message, proceed) => joins.push(proceed));
    server.cut();
    await eventually(() => joins.length === 1);
    await mounted.unmount();
    clock.advance(50);
    expect(mounted.state.current.status).toBe("closed");
    stop();
    joins[0]?.();
    await eventually(() => connection.status.current === "ready");
    await eventually(() => server.messages("unmount").length === 1);
    expect(last("phx_join")).toMatchObject({ session: { keep: [ROOT] } });
    expect(last("unmount")).toEqual({ root_id: ROOT });
  });

  test("protocol.md 2 (resume): the token is the one of the last join reply", async () => {
    server.joinReply = joinReply("s1", "t2");
    server.intercept("mount", (message) => answerMount(message, { resumed: true }));
    await rejoin();
    await rejoin();
    expect(last("phx_join")).toMatchObject({ session: { token: "t2" } });
  });

  test("protocol.md 2 (resume): a root in recovery at the drop is neither kept nor resumed", async () => {
    server.intercept("unmount", () => {});
    patch(7, 1);
    await eventually(() => server.messages("unmount").length === 1);
    await rejoin();
    expect(last("phx_join")).toEqual({ session: { id: "s1", token: "t1", keep: [] } });
    expect(last("mount")).toEqual({ module: "Counter", id: "a", params: {} });
  });

  test("protocol.md 2 (resume): a root that has failed is not kept", async () => {
    server.intercept("mount", (message) =>
      server.reply(message, "error", { reason: "already_mounted", root_id: ROOT }),
    );
    server.cut();
    await eventually(() => mounted.state.current.status === "failed");
    server.cut();
    await eventually(() => server.messages("phx_join").length === 3 && connection.status.current === "ready");
    expect(last("phx_join")).toEqual({ session: { id: "s1", token: "t1", keep: [] } });
    server.intercept("mount", (message) => answerMount(message, { epoch: "e2" }, { count: 4 }));
    await mounted.remount({});
    expect([count(), last("mount")]).toEqual([4, { module: "Counter", id: "a", params: {} }]);
  });

  test("protocol.md 2 (resume): envelopes that do not follow on from the resumed version make it recover", async () => {
    server.intercept("mount", (message) => {
      answerMount(message, { resumed: true });
      patch(5, 1);
      server.intercept("mount", (again) => answerMount(again, { epoch: "e2" }, { count: 3 }));
    });
    server.cut();
    await eventually(() => count() === 3);
    expect(server.messages("unmount")).toEqual([{ root_id: ROOT }]);
  });

  test("protocol.md 2 (joins): a phx_close that nobody asked for makes the client forget its session", async () => {
    server.closeChannel();
    await eventually(() => connection.status.current === "reconnecting");
    clock.advance(500);
    await eventually(isLive);
    expect(last("phx_join")).toEqual({});
    expect(last("mount")).toEqual({ module: "Counter", id: "a", params: {} });
  });

  test("protocol.md 2 (resume): a server that is plain after the rejoin gets plain mounts", async () => {
    server.joinReply = {};
    server.intercept("mount", (message) => answerMount(message, {}, { count: 1 }));
    await rejoin();
    expect(last("mount")).toEqual({ module: "Counter", id: "a", params: {} });
    await rejoin();
    expect(last("phx_join")).toEqual({});
  });
});

describe("idempotent commands", () => {
  const dispatch = (name: string) =>
    (mounted.store as unknown as { dispatchCommand(name: string): Promise<unknown> }).dispatchCommand(name);
  const resume = () => server.intercept("mount", (message) => answerMount(message, { resumed: true }));

  test("protocol.md 2 (idempotent_commands): numbered from 1, acked up to what is settled", async () => {
    const held: ReceivedMessage[] = [];
    server.intercept("command", (message) => held.push(message));
    const [first, second] = [dispatch("one"), dispatch("two")];
    await eventually(() => held.length === 2);
    server.reply(held[1] as ReceivedMessage, "ok", { n: 2 });
    await expect(second).resolves.toEqual({ n: 2 });
    const third = dispatch("three");
    await eventually(() => held.length === 3);
    server.reply(held[0] as ReceivedMessage, "error", { reason: "no" });
    await expect(first).rejects.toMatchObject({ code: "no" });
    const fourth = dispatch("four");
    await eventually(() => held.length === 4);
    const numbers = server.messages("command").map((payload) => {
      const { command_id, acked } = payload as { command_id: number; acked: number };
      return [command_id, acked];
    });
    expect(numbers).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 2],
    ]);
    for (const message of held.slice(2)) server.reply(message, "ok", {});
    await Promise.all([third, fourth]);
  });

  test("protocol.md 2 (idempotent_commands): in flight at a drop: sent again with its number, before what was queued", async () => {
    server.intercept("command", () => {});
    const flying = dispatch("flying");
    await eventually(() => server.messages("command").length === 1);
    server.accepting = false;
    server.cut();
    await eventually(() => mounted.state.current.status === "stale");
    const queued = dispatch("queued");
    const again: ReceivedMessage[] = [];
    server.intercept("command", (message) => {
      again.push(message);
      server.reply(message, "ok", { name: (message.payload as { name: string }).name });
    });
    resume();
    server.accepting = true;
    await expect(Promise.all([flying, queued])).resolves.toEqual([{ name: "flying" }, { name: "queued" }]);
    expect(again.map(({ payload }) => (payload as { command_id: number }).command_id)).toEqual([1, 2]);
  });

  test("protocol.md 2 (idempotent_commands): another session does not know them: interrupted, unknown", async () => {
    server.intercept("command", () => {});
    const flying = dispatch("flying");
    await eventually(() => server.messages("command").length === 1);
    server.joinReply = joinReply("s2", "t9");
    server.intercept("mount", (message) => answerMount(message, { epoch: "e9", resumed: false }, { count: 0 }));
    server.cut();
    await expect(flying).rejects.toMatchObject({ kind: "interrupted", fate: "unknown" });
    await eventually(isLive);
    expect(server.messages("command")).toHaveLength(1);
    server.intercept("command", (message) => server.reply(message, "ok", {}));
    await dispatch("next");
    expect(last("command")).toMatchObject({ command_id: 1, acked: 0 });
  });

  test("protocol.md 3: a restart in place does not interrupt them", async () => {
    const held: ReceivedMessage[] = [];
    server.intercept("command", (message) => held.push(message));
    const command = dispatch("slow");
    await eventually(() => held.length === 1);
    server.push("patch", initialEnvelope(ROOT, { count: 50 }, {}));
    await eventually(() => count() === 50);
    server.reply(held[0] as ReceivedMessage, "ok", { done: true });
    await expect(command).resolves.toEqual({ done: true });
  });

  test("client.md 14: one that waits to be sent again still times out as unknown", async () => {
    server.intercept("command", () => {});
    const flying = dispatch("flying");
    await eventually(() => server.messages("command").length === 1);
    server.accepting = false;
    server.cut();
    await eventually(() => mounted.state.current.status === "stale");
    clock.advance(10_000);
    await expect(flying).rejects.toMatchObject({ kind: "timeout", fate: "unknown" });
    server.accepting = true;
    resume();
    await eventually(isLive);
    expect(server.messages("command")).toHaveLength(1);
  });
});
