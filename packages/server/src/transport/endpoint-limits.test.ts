import { afterEach, describe, expect, it } from "vitest";
import { channel, joined, ok } from "../channels/channel.js";
import {
  get,
  listeningLogger,
  manualClock,
  RawClient,
  type Running,
  rawUpgrade,
  room,
  start,
  statusOf,
} from "./raw-client.test.util.js";

let running: Running | undefined;
async function run(options: Parameters<typeof start>[0]): Promise<Running> {
  running = await start(options);
  return running;
}
afterEach(() => running?.stop());

/** A text of exactly so many bytes that pings `room:a`. */
function pingOf(bytes: number): string {
  const empty = JSON.stringify(["1", "2", "room:a", "ping", ""]);
  return JSON.stringify(["1", "2", "room:a", "ping", "x".repeat(bytes - empty.length)]);
}

describe("maxFrameBytes", () => {
  it("lets a message of that size pass and closes the socket upon a larger one with 1009", async () => {
    const { port } = await run({ maxFrameBytes: 1_000 });
    const client = await RawClient.open(port);
    await client.join("room:a");
    client.webSocket.send(pingOf(1_000));
    expect(await client.next()).toMatchObject(["1", "2", "room:a", "phx_reply", { status: "ok" }]);
    client.webSocket.send(pingOf(1_001));
    expect(await client.closed).toBe(1009);
  });

  it("counts a message over its fragments", async () => {
    const { port } = await run({ maxFrameBytes: 1_000 });
    const client = await RawClient.open(port);
    client.webSocket.send("x".repeat(600), { fin: false });
    client.webSocket.send("x".repeat(600), { fin: true });
    expect(await client.closed).toBe(1009);
  });

  it("is not evaded by fragments, of which a message may have 16 384: each costs far more than its byte", async () => {
    const { port, endpoint } = await run({});
    const client = await RawClient.open(port);
    for (let n = 0; n < 16_385; n++) client.webSocket.send("[", { fin: false });
    expect(await client.closed).toBe(1008);
    await expect.poll(() => endpoint.inspect().sockets).toBe(0);
  });
});

it("is not evaded by a frame that comes byte by byte, in 16 384 parts or one for 512 bytes of maxFrameBytes", async () => {
  for (const [maxFrameBytes, most] of [
    [1_000_000, 16_384],
    [10_000_000, 19_532],
  ] as const) {
    const { port, endpoint, stop } = await start({ maxFrameBytes });
    const { socket, answer } = rawUpgrade(port, "/socket/websocket?vsn=2.0.0");
    await expect.poll(() => endpoint.inspect().sockets).toBe(1);
    await expect.poll(() => socket.bytesRead).toBeGreaterThan(0);
    const before = socket.bytesRead;
    // The head of a masked text frame (RFC 6455 section 5.2) of 60 000 bytes.
    socket.setNoDelay().write(Buffer.of(0x81, 0x80 | 126, 60_000 >> 8, 60_000 & 0xff, 0, 0, 0, 0));
    let sent = 0;
    for (; socket.bytesRead === before && sent < 59_000; sent++) {
      socket.write("[");
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Some may have been read together, and one sent before the end was heard of.
    expect(sent).toBeGreaterThan(most - 10);
    expect(sent).toBeLessThan(59_000);
    socket.end();
    // Close code 1008.
    expect(await answer).toContain("\x03\xf0");
    await stop();
  }
});

it("URL and headers of a request: more than 16 KiB get 431 of Node, and no hook sees them", async () => {
  let asked = 0;
  const connect = (): object => {
    asked += 1;
    return {};
  };
  const { port } = await run({ connect });
  const long = "x".repeat(17_000);
  for (const transport of ["websocket", "longpoll"]) {
    expect(await get(port, `/socket/${transport}?vsn=2.0.0&x=${long}`)).toMatchObject({ status: 431 });
    const headers = { "x-long": long };
    expect(await get(port, `/socket/${transport}?vsn=2.0.0`, { headers })).toMatchObject({ status: 431 });
  }
  expect(asked).toBe(0);
  expect(await statusOf(port, `/socket/websocket?vsn=2.0.0&x=${"x".repeat(10_000)}`)).toBe(101);
});

describe("heartbeatTimeoutMs", () => {
  it("closes a silent socket with 1002, at most a tenth late, and no other", async () => {
    const clock = manualClock();
    const { port, endpoint } = await run({ clock, heartbeatTimeoutMs: 10_000 });
    const [silent, alive, pinging] = [
      await RawClient.open(port),
      await RawClient.open(port),
      await RawClient.open(port),
    ];
    clock.advance(9_000);
    await alive.beat();
    const pong = new Promise((resolve) => pinging.webSocket.once("pong", resolve));
    pinging.webSocket.ping();
    await pong;
    expect(endpoint.inspect().sockets).toBe(3);
    clock.advance(2_000);
    expect(await silent.closed).toBe(1002);
    await alive.beat();
    // What the server sends does not count.
    await alive.join("room:a");
    clock.advance(9_000);
    endpoint.broadcast("room:a", "tick", {});
    await alive.next();
    clock.advance(2_000);
    expect(await alive.closed).toBe(1002);
    expect(await pinging.closed).toBe(1002);
  });

  it("is not put off by a message that never ends", async () => {
    const clock = manualClock();
    const { port } = await run({ clock, heartbeatTimeoutMs: 10_000 });
    const [trickling, other] = [await RawClient.open(port), await RawClient.open(port)];
    for (let seconds = 0; seconds < 11; seconds++) {
      trickling.webSocket.send("[", { fin: false });
      await other.beat();
      clock.advance(1_000);
    }
    expect(await trickling.closed).toBe(1002);
  });

  it("needs no timer while nobody is connected", async () => {
    const clock = manualClock();
    const { port, endpoint } = await run({ clock });
    expect(clock.pending()).toBe(0);
    const client = await RawClient.open(port);
    expect(clock.pending()).toBe(1);
    client.webSocket.close();
    await expect.poll(() => endpoint.inspect().sockets).toBe(0);
    expect(clock.pending()).toBe(0);
  });
});

describe("maxUnsentBytes", () => {
  it("cuts a client that does not read, and no other", async () => {
    const logger = listeningLogger();
    const { port, endpoint } = await run({ logger, maxUnsentBytes: 1_000_000 });
    const reading = await RawClient.open(port);
    await reading.join("room:a");
    const stuck = rawUpgrade(port, "/socket/websocket?vsn=2.0.0");
    await expect.poll(() => endpoint.inspect().sockets).toBe(2);
    // A masked text frame (RFC 6455 section 5.2) with a mask of zeros.
    const join = Buffer.from('["1","1","room:a","phx_join",{}]');
    stuck.socket.write(Buffer.concat([Buffer.of(0x81, 0x80 | join.length, 0, 0, 0, 0), join]));
    await expect.poll(() => endpoint.inspect().channels).toBe(2);
    stuck.socket.pause();
    let sent = 0;
    while (endpoint.inspect().sockets === 2) {
      endpoint.broadcast("room:a", "big", "x".repeat(100_000));
      await reading.next();
      sent += 1;
      expect(sent).toBeLessThan(1_000);
    }
    expect(logger.lines).toMatchObject([{ level: "warn", message: "a client that reads too slowly is cut off" }]);
    await reading.beat();
    stuck.socket.destroy();
  });

  it("counts the pongs of a client that pings without reading", async () => {
    const { port, endpoint } = await run({ maxUnsentBytes: 100_000 });
    const { socket } = rawUpgrade(port, "/socket/websocket?vsn=2.0.0");
    await expect.poll(() => endpoint.inspect().sockets).toBe(1);
    socket.pause();
    // A masked ping (RFC 6455 section 5.5.2) of 125 bytes with a mask of zeros, a thousand times.
    const ping = Buffer.concat([Buffer.of(0x89, 0x80 | 125, 0, 0, 0, 0), Buffer.alloc(125)]);
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => ping));
    for (let sent = 0; endpoint.inspect().sockets === 1; sent++) {
      expect(sent).toBeLessThan(1_000);
      if (!socket.write(pings)) await new Promise((resolve) => setImmediate(resolve));
    }
    socket.destroy();
  });

  it("does not stand in the way of one message that is larger", async () => {
    const big = channel("room:a", {
      join: () => joined(null),
      handlers: { big: () => ok("x".repeat(3_000_000)) },
    });
    const { port } = await run({ channels: [big], maxUnsentBytes: 1_000 });
    const client = await RawClient.open(port);
    await client.join("room:a");
    client.say("1", "2", "room:a", "big", {});
    expect(await client.next()).toMatchObject(["1", "2", "room:a", "phx_reply", { status: "ok" }]);
    await client.beat();
  });
});

describe("maxSockets", () => {
  it("refuses more with 503, those that wait for their connect hook counted, until one has gone", async () => {
    const logger = listeningLogger();
    let let_in = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      let_in = resolve;
    });
    const { port, endpoint } = await run({
      logger,
      maxSockets: 2,
      connect: async ({ params }) => {
        if (params["wait"] !== undefined) await waiting;
        return {};
      },
    });
    const first = await RawClient.open(port);
    const second = RawClient.open(port, "&wait=1");
    await expect.poll(() => statusOf(port, "/socket/websocket?vsn=2.0.0")).toBe(503);
    // Nor do plain requests get as far as the hook.
    expect((await get(port, "/socket/websocket?vsn=2.0.0")).status).toBe(503);
    let_in();
    await (await second).beat();
    expect(endpoint.traffic.refusals["http_503"]).toBeGreaterThanOrEqual(2);
    expect(logger.lines[0]).toMatchObject({ level: "warn", details: { maxSockets: 2 } });
    first.webSocket.close();
    await first.closed;
    await expect.poll(() => endpoint.inspect().sockets).toBe(1);
    await (await RawClient.open(port)).beat();
  });

  it("counts one that has gone for as long as its channels' code runs", async () => {
    let end = (): void => {};
    const slow = channel("room:a", {
      join: () => joined(null),
      terminate: () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
    });
    const { port, endpoint } = await run({ channels: [slow], maxSockets: 1 });
    const client = await RawClient.open(port);
    await client.join("room:a");
    client.webSocket.close();
    await expect.poll(() => endpoint.inspect().sockets).toBe(0);
    expect(await statusOf(port, "/socket/websocket?vsn=2.0.0")).toBe(503);
    end();
    await expect.poll(() => statusOf(port, "/socket/websocket?vsn=2.0.0")).toBe(101);
  });
});

describe("what one socket may ask for", () => {
  const reason = (text: string): object => ({ status: "error", response: { reason: text } });

  it("maxChannels: one more is refused until another is left", async () => {
    const { port } = await run({ maxChannels: 1 });
    const client = await RawClient.open(port);
    await client.join("room:a");
    client.say("2", "2", "room:b", "phx_join", {});
    expect(await client.next()).toEqual(["2", "2", "room:b", "phx_reply", reason("too many channels joined")]);
    client.say("1", "3", "room:a", "phx_leave", {});
    await client.next();
    await client.next();
    await client.join("room:b");
  });

  it("maxMailbox and the rates answer with a reason, and the socket lives on", async () => {
    const clock = manualClock();
    const stuck = channel("stuck", {
      join: () => joined(null),
      handlers: { wait: () => new Promise<never>(() => {}), ping: () => ok() },
    });
    const limits = { maxMailbox: 1, maxPushesPerSecond: 1, maxJoinsPerSecond: 0.2 };
    const { port } = await run({ clock, drainTimeoutMs: 0, channels: [stuck, room], ...limits });
    const client = await RawClient.open(port);
    await client.join("stuck");
    client.say("1", "2", "stuck", "wait", {});
    client.say("1", "3", "stuck", "ping", {});
    client.say("1", "4", "stuck", "ping", {});
    expect(await client.next()).toEqual(["1", "4", "stuck", "phx_reply", reason("overloaded")]);
    await client.join("room:a");
    client.say("3", "3", "room:b", "phx_join", {});
    expect(await client.next()).toEqual([null, "3", "room:b", "phx_reply", reason("rate_limited")]);
    for (let n = 0; n < 7; n++) await client.beat();
    client.say(null, "5", "room:a", "ping", {});
    expect(await client.next()).toEqual([null, "5", "room:a", "phx_reply", reason("rate_limited")]);
    clock.advance(1_000);
    await client.beat();
    // Nobody can advance this clock while the endpoint drains: the stuck handler would hold it.
    const closing = running?.endpoint.close();
    clock.advance(1);
    await closing;
  });
});
