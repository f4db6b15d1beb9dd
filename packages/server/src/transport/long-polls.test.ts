import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { channel, joined, ok } from "../channels/channel.js";
import type { ConnectRequest, ConnectResult } from "./connect.js";
import { ask, PollClient } from "./poll-client.test.util.js";
import { get, listeningLogger, manualClock, type Running, room, start, statusOf } from "./raw-client.test.util.js";

let running: Running | undefined;
async function run(options: Parameters<typeof start>[0] = {}): Promise<Running> {
  running = await start(options);
  return running;
}
afterEach(() => running?.stop());

/** Waits until a poll is held: each has a timer of its own. */
async function held(clock: { pending(): number }, timers: number): Promise<void> {
  await expect.poll(() => clock.pending()).toBe(timers);
}

describe("a poll", () => {
  it("is held for windowMs, and answered 204 then", async () => {
    const clock = manualClock();
    const { port } = await run({ clock, longPoll: { windowMs: 4_000 } });
    const client = await PollClient.open(port);
    let isAnswered = false;
    const poll = client.poll();
    void poll.reply.then(() => {
      isAnswered = true;
    });
    await held(clock, 2);
    clock.advance(3_999);
    await client.say([null, "1", "phoenix", "nothing", {}]);
    expect((await poll.reply).messages).toHaveLength(1);
    const empty = client.poll();
    await held(clock, 2);
    isAnswered = false;
    clock.advance(3_999);
    await get(port, "/else");
    expect(isAnswered).toBe(false);
    clock.advance(1);
    expect(await empty.reply).toMatchObject({ http: 200, status: 204, messages: [], token: client.token });
  });

  it("brings all messages of a tick at once", async () => {
    const clock = manualClock();
    const { port, endpoint } = await run({ clock });
    const client = await PollClient.open(port);
    await client.join("room:a");
    const poll = client.poll();
    await held(clock, 2);
    for (const n of [1, 2, 3]) endpoint.broadcast("room:a", "tick", { n });
    expect((await poll.reply).messages).toEqual([1, 2, 3].map((n) => [null, null, "room:a", "tick", { n }]));
  });

  it("brings what was said before its session ended, and the next one the end", async () => {
    const clock = manualClock();
    const { port, endpoint } = await run({ clock, connect: () => ({ id: "me" }) });
    const client = await PollClient.open(port);
    await client.join("room:a");
    const poll = client.poll();
    await held(clock, 2);
    endpoint.broadcast("room:a", "last", {});
    endpoint.disconnect("me");
    expect((await poll.reply).messages).toEqual([[null, null, "room:a", "last", {}]]);
    expect(await client.poll().reply).toMatchObject({ status: 410 });
  });

  it("whose client has gone takes nothing along", async () => {
    const clock = manualClock();
    const { port, endpoint } = await run({ clock });
    const client = await PollClient.open(port);
    await client.join("room:a");
    const gone = client.poll();
    await held(clock, 2);
    gone.request.destroy();
    await held(clock, 1);
    endpoint.broadcast("room:a", "tick", {});
    expect(await client.messages()).toEqual([[null, null, "room:a", "tick", {}]]);
  });

  it("over four of one session lets the oldest go", async () => {
    const clock = manualClock();
    const { port } = await run({ clock });
    const client = await PollClient.open(port);
    const polls = [];
    for (let n = 0; n < 4; n++) {
      polls.push(client.poll());
      await held(clock, 2 + n);
    }
    const newest = client.poll();
    expect(await polls[0]?.reply).toMatchObject({ status: 204 });
    await client.say([null, "1", "phoenix", "heartbeat", {}]);
    expect(await newest.reply).toMatchObject({ status: 200 });
    clock.advance(10_000);
    for (const poll of polls.slice(1)) expect(await poll.reply).toMatchObject({ status: 204 });
  });

  it("that cannot carry what there is ends with 500, and its session with it", async () => {
    const logger = listeningLogger();
    const bytes = channel("bytes", { join: () => joined(null), handlers: { get: () => ok(Uint8Array.of(0xff)) } });
    const { port, endpoint } = await run({ logger, channels: [bytes] });
    const client = await PollClient.open(port);
    await client.join("bytes");
    await client.say(["1", "2", "bytes", "get", {}]);
    expect(await client.poll().reply).toMatchObject({ http: 500 });
    expect(endpoint.inspect()).toEqual({ sockets: 0, channels: 0 });
    expect(logger.lines.map(({ level }) => level)).toEqual(["warn"]);
  });
});

describe("a session", () => {
  it("ends one and a half windows after its last poll, at most a tenth late; posting does not keep it", async () => {
    const clock = manualClock();
    const reasons: unknown[] = [];
    const watched = channel("room:*", {
      join: () => joined(null),
      terminate: (_ctx, reason) => void reasons.push(reason),
    });
    const { port, endpoint } = await run({ clock, channels: [watched], longPoll: { windowMs: 2_000 } });
    const client = await PollClient.open(port);
    await client.join("room:a");
    clock.advance(2_900);
    await client.say([null, "1", "phoenix", "heartbeat", {}]);
    expect(endpoint.inspect()).toEqual({ sockets: 1, channels: 1 });
    clock.advance(400);
    expect(endpoint.inspect()).toEqual({ sockets: 0, channels: 0 });
    expect(clock.pending()).toBe(0);
    expect(await client.post("[]").reply).toMatchObject({ http: 200, status: 410 });
    const { status, token } = await client.poll().reply;
    expect(status).toBe(410);
    expect(token).not.toBe(client.token);
    expect(reasons).toEqual(["transport_closed"]);
  });

  it("is given params, headers, address and token; its user and id reach the channels", async () => {
    const asked: ConnectRequest[] = [];
    const connect = (one: ConnectRequest): ConnectResult => {
      asked.push(one);
      return { user: one.authToken, id: "me" };
    };
    const who = channel("who", {
      join: ({ socket }) => joined(null, [socket.user, socket.id, socket.params["a"], socket.unsentBytes()]),
    });
    const { port, endpoint } = await run({ connect, channels: [who] });
    const headers = { "x-phoenix-authtoken": "t0ken", "x-own": "yes" };
    const client = await PollClient.open(port, "&a=1&__proto__=2", headers);
    expect(asked[0]).toMatchObject({ authToken: "t0ken", remoteAddress: "127.0.0.1", headers: { "x-own": "yes" } });
    expect(Object.entries(asked[0]?.params ?? {})).toEqual([
      ["vsn", "2.0.0"],
      ["a", "1"],
      ["__proto__", "2"],
    ]);
    await client.say(["1", "1", "who", "phx_join", {}]);
    const [reply] = await client.messages();
    expect(reply).toMatchObject(["1", "1", "who", "phx_reply", { response: ["t0ken", "me", "1", 0] }]);
    const poll = client.poll();
    await expect
      .poll(() => {
        endpoint.disconnect("me");
        return endpoint.inspect().sockets;
      })
      .toBe(0);
    // Whether the poll came before or after, its client learns that it has to connect again.
    expect(await poll.reply).toMatchObject({ status: 410 });
    expect(asked.length).toBeLessThanOrEqual(2);
  });

  it("that has ended leaves the app's own token to the connect hook", async () => {
    const tokens: (string | undefined)[] = [];
    const connect = ({ params }: ConnectRequest): ConnectResult => {
      tokens.push(params["token"]);
      return { id: "me" };
    };
    const { port, endpoint } = await run({ connect });
    const client = await PollClient.open(port, "&token=own");
    const query = `&token=own&token=${client.token}`;
    expect(await ask(port, { method: "POST", query, body: "[null,null,0,0,0]" }).reply).toMatchObject({ status: 200 });
    endpoint.disconnect("me");
    expect(await ask(port, { query }).reply).toMatchObject({ status: 410 });
    expect(tokens).toEqual(["own", "own"]);
  });

  it("takes nothing more after what ended it, and says 408", async () => {
    const heard: unknown[] = [];
    const listening = channel("room:*", {
      join: () => joined(null),
      handlers: { note: (_ctx, payload) => void heard.push(payload) },
    });
    const { port, endpoint } = await run({ channels: [listening] });
    const client = await PollClient.open(port);
    await client.join("room:a");
    const body = ['["1","2","room:a","note",1]', "[not json", '["1","3","room:a","note",2]'].join("\n");
    expect(await client.post(body).reply).toMatchObject({ http: 200, status: 408 });
    expect(heard).toEqual([1]);
    expect(endpoint.inspect().sockets).toBe(0);
  });
});

describe("a session's token", () => {
  it("is good for the endpoint that signed it, and only as it was signed", async () => {
    const { port } = await run();
    const [client, other] = [await PollClient.open(port), await start()];
    const [body = "", mac = ""] = client.token.split(".");
    const changed = Buffer.from(body, "base64url").toString().replace('"]', '0"]').replace(/,\d/, ",9");
    const forged = `${Buffer.from(changed).toString("base64url")}.${mac}`;
    const foreign = await PollClient.open(other.port);
    const wrong = [
      forged,
      body,
      `${body}.`,
      `.${mac}`,
      `${client.token}.x`,
      `${body}.${mac.slice(0, -4)}`,
      "a".repeat(9_000),
    ];
    for (const token of [...wrong, foreign.token, ""]) {
      const wild = new PollClient(port, token);
      expect(await wild.post("[null,1,1,1,1]").reply).toMatchObject({ http: 200, status: 410 });
      const polled = await wild.poll().reply;
      expect(polled).toMatchObject({ http: 200, status: 410 });
      expect(polled.token).not.toBe(client.token);
    }
    await client.beat();
    await other.stop();
  });
});

describe("draining", () => {
  it("tells held polls 410 at once, refuses the rest with 503, and waits for terminate", async () => {
    const clock = manualClock();
    let finish: () => void = () => {};
    const terminated = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const reasons: unknown[] = [];
    const slow = channel("slow", {
      join: () => joined(null),
      async terminate(_ctx, reason) {
        reasons.push(reason);
        await terminated;
      },
    });
    let asked = 0;
    const connect = ({ params }: ConnectRequest): Promise<ConnectResult> => {
      asked += 1;
      return params["hang"] === "1" ? new Promise(() => {}) : Promise.resolve({});
    };
    const { port, endpoint } = await run({ clock, connect, channels: [slow] });
    const [polling, between] = [await PollClient.open(port), await PollClient.open(port)];
    await polling.join("slow");
    const poll = polling.poll();
    await held(clock, 2);
    const hanging = ask(port, { query: "&hang=1" });
    await expect.poll(() => asked).toBe(3);
    let isClosed = false;
    const closing = endpoint.close().then(() => {
      isClosed = true;
    });
    // phoenix.js connects anew upon it, and elsewhere: the connection does not live on.
    expect(await poll.reply).toMatchObject({ http: 200, status: 410, headers: { connection: "close" } });
    expect(await hanging.reply).toMatchObject({ http: 503 });
    for (const reply of [ask(port).reply, between.poll().reply, between.post("[]").reply]) {
      const { http, status, headers } = await reply;
      expect({ http, status, connection: headers.connection }).toEqual({
        http: 503,
        status: undefined,
        connection: "close",
      });
    }
    expect(isClosed).toBe(false);
    finish();
    await closing;
    expect(reasons).toEqual(["server_shutdown"]);
    expect(endpoint.inspect()).toEqual({ sockets: 0, channels: 0 });
    expect(clock.pending()).toBe(0);
  });
});

describe("the long-poll path", () => {
  it("answers 500 where the app's own code or PubSub throws, and tells the logger alone", async () => {
    const logger = listeningLogger();
    const secret = (): never => {
      throw new Error("secret");
    };
    const { port } = await run({ logger, checkOrigin: secret });
    expect(await ask(port, { headers: { origin: "https://a.example" } }).reply).toMatchObject({ http: 500 });
    const pubsub = { publish: () => {}, subscribe: secret };
    const other = await start({ logger, pubsub, connect: () => ({ id: "me" }) });
    expect(await ask(other.port).reply).toMatchObject({ http: 500 });
    expect(logger.lines.map(({ level }) => level)).toEqual(["error", "error"]);
    await other.stop();
  });

  it("is judged by its origin, whatever the method", async () => {
    const { port } = await run();
    const client = await PollClient.open(port);
    const headers = { origin: "https://evil.example" };
    for (const method of ["GET", "POST", "OPTIONS", "PUT"]) {
      expect(await ask(port, { method, headers, query: client.query }).reply).toMatchObject({
        http: 200,
        status: 403,
        headers: { "access-control-allow-origin": "*" },
      });
    }
    await client.beat();
  });

  it.each(["", "?vsn=1.0.0", "?vsn=2.0"])("refuses %j, which is no serializer 2.0.0, with 403", async (query) => {
    const { port, endpoint } = await run();
    expect(await get(port, `/socket/longpoll${query}`)).toEqual({ status: 200, body: '{"status":403}' });
    expect(endpoint.inspect().sockets).toBe(0);
  });

  it("takes no WebSocket, and the WebSocket path no polls", async () => {
    const { port } = await run();
    expect(await statusOf(port, "/socket/longpoll?vsn=2.0.0")).toBe(400);
    expect((await get(port, "/socket/websocket?vsn=2.0.0")).status).toBe(400);
  });

  it("is the app's when longPoll is false", async () => {
    const { port } = await run({ longPoll: false });
    expect(await get(port, "/socket/longpoll?vsn=2.0.0")).toEqual({ status: 404, body: "not here" });
  });

  it("is the app's again once it is detached, and its sessions live on at another server", async () => {
    const { port, endpoint } = await run();
    const other = createServer();
    const detach = endpoint.attach(other, { path: "/socket" });
    const client = await PollClient.open(port);
    expect(other.listenerCount("upgrade")).toBe(1);
    detach();
    expect(other.listenerCount("upgrade")).toBe(0);
    await client.beat();
  });

  it("serves channels as the WebSocket does: both hear one another", async () => {
    const { port, endpoint } = await run({ channels: [room] });
    const client = await PollClient.open(port);
    await client.join("room:a");
    await client.say(["1", "2", "room:a", "ping", { n: 1 }], ["1", "3", "room:a", "phx_leave", {}]);
    expect(await client.messages()).toEqual([
      ["1", "2", "room:a", "phx_reply", { status: "ok", response: { n: 1 } }],
      ["1", "3", "room:a", "phx_reply", { status: "ok", response: {} }],
      ["1", "1", "room:a", "phx_close", {}],
    ]);
    expect(endpoint.inspect()).toEqual({ sockets: 1, channels: 0 });
  });
});
