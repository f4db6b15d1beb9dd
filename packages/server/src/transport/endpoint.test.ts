import { createServer } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { channel, joined } from "../channels/channel.js";
import { createPubSub } from "../channels/pubsub.js";
import { createEndpoint } from "./endpoint.js";
import {
  get,
  listen,
  listeningLogger,
  manualClock,
  RawClient,
  type Running,
  rawUpgrade,
  room,
  start,
  statusOf,
} from "./raw-client.test.util.js";

const SOCKET = "/socket/websocket?vsn=2.0.0";

let running: Running[] = [];
async function run(...options: Parameters<typeof start>): Promise<Running> {
  const started = await start(...options);
  running.push(started);
  return started;
}
afterEach(async () => {
  const stopping = running;
  running = [];
  await Promise.all(stopping.map(({ stop }) => stop()));
});

describe("the connect hook", () => {
  it("gets params, headers, address and token; its user and id reach the channels", async () => {
    const connect = vi.fn(() => ({ user: { name: "ada" }, id: "ada's" }));
    const who = channel("who", {
      join: ({ socket }) => joined(null, [socket.user, socket.id, socket.params["page"], socket.unsentBytes()]),
    });
    const { port, endpoint } = await run({ channels: [who], connect });
    const client = await RawClient.open(port, "&page=7&__proto__=x", ["phoenix", "base64url.bearer.phx.c2VjcmV0"], {
      headers: { "X-Tenant": "t1" },
    });
    expect(client.webSocket.protocol).toBe("phoenix");
    expect(connect).toHaveBeenCalledWith(
      expect.objectContaining({
        authToken: "secret",
        remoteAddress: "127.0.0.1",
        params: Object.fromEntries(Object.entries({ vsn: "2.0.0", page: "7", ["__proto__"]: "x" })),
        // Phoenix's x_headers among them.
        headers: expect.objectContaining({ upgrade: "websocket", "x-tenant": "t1" }),
      }),
    );
    client.say("1", "1", "who", "phx_join", {});
    const response = [{ name: "ada" }, "ada's", "7", 0];
    expect(await client.next()).toEqual(["1", "1", "who", "phx_reply", { status: "ok", response }]);
    endpoint.disconnect("somebody else");
    await client.beat();
    endpoint.disconnect("ada's");
    expect(await client.closed).toBe(1001);
  });

  it.each([
    ["returns false", () => false as const, 403],
    ["returns nothing", () => undefined as never, 403],
    ["resolves to false", async () => false as const, 403],
    [
      "throws",
      (): never => {
        throw new Error("secret");
      },
      500,
    ],
    ["rejects", () => Promise.reject(new Error("secret")), 500],
  ])("that %s", async (_how, connect, status) => {
    const logger = listeningLogger();
    const { port, endpoint } = await run({ connect, logger });
    expect(await statusOf(port, SOCKET)).toBe(status);
    expect(await get(port, SOCKET)).toEqual({ status, body: "" });
    expect(logger.lines.map(({ level }) => level)).toEqual(status === 500 ? ["error", "error"] : []);
    expect(endpoint.inspect()).toEqual({ sockets: 0, channels: 0 });
  });

  it("has let a client in that cannot be set up, since the PubSub throws: it is closed with 1011", async () => {
    const logger = listeningLogger();
    const pubsub = createPubSub(logger);
    const subscribe = (): never => {
      throw new Error("no broker");
    };
    const { port, endpoint } = await run({ logger, pubsub: { ...pubsub, subscribe }, connect: () => ({ id: "ada" }) });
    const client = await RawClient.open(port);
    expect(await client.closed).toBe(1011);
    expect(logger.lines).toMatchObject([{ level: "error", message: "a socket could not be set up" }]);
    expect(endpoint.inspect().sockets).toBe(0);
  });

  it("that takes longer than handshakeTimeoutMs is given up with 503, and told so by its signal", async () => {
    const clock = manualClock();
    const signals: AbortSignal[] = [];
    const { port } = await run({
      clock,
      handshakeTimeoutMs: 3_000,
      connect: ({ signal }) => {
        signals.push(signal);
        return new Promise<never>(() => {});
      },
    });
    const status = statusOf(port, SOCKET);
    await expect.poll(() => signals.length).toBe(1);
    clock.advance(2_999);
    expect(signals[0]?.aborted).toBe(false);
    clock.advance(1);
    expect(await status).toBe(503);
    expect(signals[0]?.aborted).toBe(true);
    expect(clock.pending()).toBe(0);
  });

  it("is told when its client goes away meanwhile, and its late answer harms nobody", async () => {
    let answer: (result: object) => void = () => {};
    const signals: AbortSignal[] = [];
    const { port, endpoint } = await run({
      connect: ({ signal }) => {
        signals.push(signal);
        return new Promise<object>((resolve) => {
          answer = resolve;
        });
      },
    });
    const { socket } = rawUpgrade(port, SOCKET);
    await expect.poll(() => signals.length).toBe(1);
    socket.resetAndDestroy();
    await expect.poll(() => signals[0]?.aborted).toBe(true);
    answer({});
    await new Promise((resolve) => setImmediate(resolve));
    expect(endpoint.inspect().sockets).toBe(0);
  });
});

describe("an origin", () => {
  const from = (port: number, origin: string): Promise<number> => statusOf(port, SOCKET, { origin });

  it("must be of the same host, on any port, unless told otherwise", async () => {
    const { port } = await run();
    expect(await from(port, "http://127.0.0.1:5173")).toBe(101);
    expect(await from(port, "https://evil.example")).toBe(403);
    expect(await from(port, "null")).toBe(403);
    expect(await statusOf(port, SOCKET)).toBe(101);
  });

  it("can be listed, with wildcards for sub-domains and schemes", async () => {
    const { port } = await run({ checkOrigin: ["https://a.example", "https://*.b.example", "//c.example"] });
    const verdicts = Object.entries({
      "https://a.example": 101,
      "http://a.example": 403,
      "https://a.example:444": 403,
      "https://x.a.example": 403,
      "https://x.b.example": 101,
      "https://y.x.b.example": 101,
      "https://b.example": 403,
      "https://xb.example": 403,
      "http://c.example:81": 101,
      "http://127.0.0.1": 403,
    });
    for (const [origin, status] of verdicts) expect([origin, await from(port, origin)]).toEqual([origin, status]);
  });

  it("can be judged by a function, or by nobody", async () => {
    const judged = await run({ checkOrigin: (origin, { url }) => origin === "x:y" && url === SOCKET });
    expect(await from(judged.port, "x:y")).toBe(101);
    expect(await from(judged.port, "x:z")).toBe(403);
    const open = await run({ checkOrigin: false });
    expect(await from(open.port, "https://evil.example")).toBe(101);
  });

  it.each(["a.example", "https://a.example/path", "https://*", "*", "https://*.*.example", ""])(
    "cannot be listed as %j",
    (entry) => {
      expect(() => createEndpoint({ channels: [], checkOrigin: [entry] })).toThrow(
        expect.objectContaining({ code: "invalid_usage" }),
      );
    },
  );
});

describe("an HTTP server", () => {
  it("keeps its own requests, before and after the endpoint is attached to it", async () => {
    const { port, server } = await run({}, (request, response) => response.end(`app ${request.url}`));
    const later = vi.fn();
    server.on("request", later);
    expect(await get(port, "/other")).toEqual({ status: 200, body: "app /other" });
    expect(await get(port, "/socket")).toEqual({ status: 200, body: "app /socket" });
    expect(later).toHaveBeenCalledTimes(2);
    expect((await get(port, SOCKET)).status).toBe(400);
    expect(await get(port, SOCKET, { method: "POST" })).toEqual({ status: 400, body: "" });
    expect(later).toHaveBeenCalledTimes(2);
  });

  it("answers 404 to upgrades of other paths when nobody else takes any", async () => {
    const { port } = await run();
    expect(await statusOf(port, "/other/websocket?vsn=2.0.0")).toBe(404);
    expect(await statusOf(port, "/socket/websocket/more?vsn=2.0.0")).toBe(404);
  });

  it("can have other WebSocket servers, that see nothing of ours and lose nothing of theirs", async () => {
    const { port, server, stop } = await run();
    running = [];
    // It closes every upgrade that is not for its path, which is what makes two of them on one server hard.
    const other = new WebSocketServer({ server, path: "/other" });
    other.on("connection", (webSocket) => webSocket.send("hello"));
    const client = await RawClient.open(port);
    await client.join("room:a");
    const theirs = new WebSocket(`ws://127.0.0.1:${port}/other`);
    const greeting = await new Promise((resolve) =>
      theirs.on("message", (data) => resolve((data as Buffer).toString())),
    );
    expect(greeting).toBe("hello");
    theirs.terminate();
    other.close();
    await stop();
  });

  it("lets another listener have an upgrade that is not ours, and ends it with 404 when that one ignores it", async () => {
    const clock = manualClock();
    const { port, server } = await run({ clock });
    const taken: string[] = [];
    server.on("upgrade", (request, socket) => {
      taken.push(request.url ?? "");
      if (request.url !== "/theirs") return;
      socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
      socket.on("end", () => socket.destroy()).resume();
    });
    const [theirs, nobodys] = [rawUpgrade(port, "/theirs"), rawUpgrade(port, "/nobodys")];
    await expect.poll(() => taken.length === 2 && clock.pending() === 2).toBe(true);
    clock.advance(10_000);
    expect(await nobodys.answer).toMatch(/^HTTP\/1.1 404 /);
    expect(theirs.socket.destroyed).toBe(false);
    theirs.socket.destroy();
    expect(await theirs.answer).toMatch(/^HTTP\/1.1 101 /);
  });

  it("can carry several endpoints, and one endpoint several servers and paths", async () => {
    const { port, server, endpoint } = await run();
    const second = createEndpoint({ channels: [room] });
    const detach = second.attach(server, { path: "/second/" });
    endpoint.attach(server, { path: "/third" });
    for (const path of ["/socket", "/second", "/third"]) {
      expect(await statusOf(port, `${path}/websocket?vsn=2.0.0`)).toBe(101);
    }
    detach();
    detach();
    expect(await statusOf(port, "/second/websocket?vsn=2.0.0")).toBe(404);
    expect(await statusOf(port, SOCKET)).toBe(101);
    await second.close();
  });

  it("is as it was once everything is detached", async () => {
    const server = createServer((_request, response) => response.end("app"));
    const emit: unknown = Reflect.get(server, "emit");
    const endpoint = createEndpoint({ channels: [room] });
    const detach = endpoint.attach(server, { path: "/socket" });
    detach();
    expect(Reflect.get(server, "emit")).toBe(emit);
    expect(server.listenerCount("upgrade")).toBe(0);
    const port = await listen(server);
    expect(await get(port, SOCKET)).toEqual({ status: 200, body: "app" });
    const again = endpoint.attach(server, { path: "/socket" });
    expect(await statusOf(port, SOCKET)).toBe(101);
    await endpoint.close();
    again();
    expect(await get(port, SOCKET)).toEqual({ status: 200, body: "app" });
    server.closeAllConnections();
    server.close();
  });

  it.each(["", "socket", "/socket?x", "/#"])("cannot serve the path %j", (path) => {
    const endpoint = createEndpoint({ channels: [room] });
    expect(() => endpoint.attach(createServer(), { path })).toThrow(expect.objectContaining({ code: "invalid_usage" }));
  });
});

describe("a broadcast", () => {
  it("reaches every client of a topic, through whatever PubSub it is given", async () => {
    const pubsub = createPubSub(listeningLogger());
    const [one, two] = [await run({ pubsub }), await run({ pubsub })];
    const clients = [await RawClient.open(one.port), await RawClient.open(two.port), await RawClient.open(two.port)];
    for (const client of clients.slice(0, 2)) await client.join("room:a");
    one.endpoint.broadcast("room:a", "news", { n: 1 });
    for (const client of clients.slice(0, 2)) {
      expect(await client.next()).toEqual([null, null, "room:a", "news", { n: 1 }]);
    }
    await clients[2]?.beat();
  });

  it("that cannot be encoded throws to its caller and reaches nobody", async () => {
    const { port, endpoint } = await run();
    const client = await RawClient.open(port);
    await client.join("room:a");
    expect(() => endpoint.broadcast("room:a", "news", { n: 1n })).toThrow(TypeError);
    await client.beat();
  });

  it("from an adapter that brought something else is ignored", async () => {
    const { port, endpoint } = await run();
    const client = await RawClient.open(port);
    await client.join("room:a");
    for (const message of [null, 5, {}, { event: 5, payload: 1 }]) endpoint.pubsub.publish("phx:room:a", message);
    endpoint.pubsub.publish("room:a", { event: "news", payload: {}, except: null });
    await client.beat();
  });
});

describe("close", () => {
  it("says 1012 to all, refuses newcomers with 503 meanwhile, and waits for terminate", async () => {
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
    const { port, endpoint } = await run({ channels: [slow, room] });
    const [busy, idle] = [await RawClient.open(port), await RawClient.open(port)];
    await busy.join("slow");
    const closing = endpoint.close();
    let isClosed = false;
    void closing.then(() => {
      isClosed = true;
    });
    expect(await Promise.all([busy.closed, idle.closed])).toEqual([1012, 1012]);
    expect(await statusOf(port, SOCKET)).toBe(503);
    expect((await get(port, SOCKET)).status).toBe(503);
    expect(isClosed).toBe(false);
    finish();
    await closing;
    expect(reasons).toEqual(["server_shutdown"]);
    expect(endpoint.inspect()).toEqual({ sockets: 0, channels: 0 });
    expect(() => endpoint.attach(createServer(), { path: "/socket" })).toThrow(
      expect.objectContaining({ code: "invalid_usage" }),
    );
  });

  it("goes on refusing until it is detached, beneath whoever takes its place", async () => {
    const { port, server, endpoint } = await run();
    const polls = "/socket/longpoll?vsn=2.0.0";
    await endpoint.close();
    expect(await statusOf(port, SOCKET)).toBe(503);
    expect(await get(port, polls)).toEqual({ status: 503, body: "" });
    const next = createEndpoint({ channels: [room] });
    const detach = next.attach(server, { path: "/socket" });
    expect(await statusOf(port, SOCKET)).toBe(101);
    expect((await get(port, polls)).body).toContain('"status":410');
    detach();
    expect(await statusOf(port, SOCKET)).toBe(503);
    await next.close();
  });

  it("refuses those whose connect hook still runs", async () => {
    const asked = vi.fn(() => new Promise<never>(() => {}));
    const { port, endpoint } = await run({ connect: asked });
    const { answer } = rawUpgrade(port, SOCKET);
    await expect.poll(() => asked.mock.calls.length).toBe(1);
    await endpoint.close();
    expect(await answer).toMatch(/^HTTP\/1.1 503 /);
  });

  it("cuts clients that do not say goodbye, and gives up on code that never ends, after drainTimeoutMs", async () => {
    const clock = manualClock();
    const stuck = channel("stuck", { join: () => joined(null), terminate: () => new Promise(() => {}) });
    const { port, endpoint } = await run({ clock, channels: [stuck, room], drainTimeoutMs: 5_000 });
    const client = await RawClient.open(port);
    await client.join("stuck");
    const { socket, answer } = rawUpgrade(port, SOCKET);
    await expect.poll(() => endpoint.inspect().sockets).toBe(2);
    socket.pause();
    const closing = endpoint.close();
    clock.advance(5_000);
    await closing;
    socket.resume();
    expect(await answer).toMatch(/^HTTP\/1.1 101 /);
    await expect.poll(() => endpoint.inspect().sockets).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  it("can be called twice, and with nobody there", async () => {
    const endpoint = createEndpoint({ channels: [] });
    expect(endpoint.close()).toBe(endpoint.close());
    await endpoint.close();
  });
});
