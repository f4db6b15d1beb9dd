import { afterAll, beforeAll, expect, it, vi } from "vitest";
import WebSocket from "ws";
import { type EchoServer, startEchoServer } from "./support/echo-server.js";
import { recording, recordingNames, unclip } from "./support/fixtures.js";
import { httpRequest, RawClient } from "./support/raw-client.js";

const FRAMES = 6_000;
/** Long-poll requests, most of which carry several frames. */
const REQUESTS = 1_500;
/** Set it to repeat a failure. */
const SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);

/** Mulberry32: small, and the same everywhere. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = createRandom(SEED);
const below = (limit: number): number => Math.floor(random() * limit);
function pick<Item>(items: readonly Item[]): Item {
  const [item] = items.slice(below(items.length));
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}

/** Every message that the recorder's clients sent, text and binary. */
const corpus: readonly Buffer[] = recordingNames()
  .filter((name) => /^(v2|client|race)_/.test(name) && !/9mb|longpoll/.test(name))
  .flatMap((name) => recording(name).frames)
  .filter((frame) => frame.dir === "out" && (frame.type === "text" || frame.type === "binary"))
  .map((frame) => {
    const { text, bytes } = unclip(frame);
    return text === undefined ? (bytes ?? Buffer.alloc(0)) : Buffer.from(text);
  });

const VALUES: readonly (() => unknown)[] = [
  () => null,
  () => String(below(4)),
  () => below(3),
  () => ({ a: [] }),
  () => pick(["echo:a", "echo:b", "echo:slowjoin", "echo:denied", "phoenix", "nope", "", "__proto__"]),
  () => pick(["phx_join", "phx_leave", "heartbeat", "ping", "crash", "stop", "late", "broadcast", "constructor"]),
  () => pick([{}, { ms: 1 }, { ms: 5 }, { deny: true }, { hex: "ff" }, [], "text", 0]),
  () => JSON.parse("[".repeat(300) + "]".repeat(300)) as unknown,
  () => "\u{1F600}".repeat(below(80)),
];

function madeUp(): Buffer {
  const well = [
    String(below(4)),
    String(below(9)),
    pick(["echo:a", "echo:b", "echo:slowjoin"]),
    pick(["phx_join", "phx_join", "phx_leave", "ping", "late", "broadcast_intercepted", "crash", "stop_reply"]),
    { ms: below(5), hex: "0a" },
  ];
  const elements = well.map((value) => (random() < 0.15 ? pick(VALUES)() : value));
  if (random() < 0.05) elements.length = below(5);
  return Buffer.from(JSON.stringify(elements));
}

function mutated(): Buffer {
  const message = Buffer.from(pick(corpus));
  for (let changes = below(4); changes > 0 && message.length > 0; changes--) {
    message[below(message.length)] = below(256);
  }
  return random() < 0.2 ? message.subarray(0, below(message.length + 1)) : message;
}

let server: EchoServer;
beforeAll(async () => {
  server = await startEchoServer();
});
afterAll(() => server.close());

/** What escaped while a test ran. */
function watchRejections(): { readonly seen: readonly unknown[]; stop(): void } {
  const seen: unknown[] = [];
  const onRejection = (cause: unknown): void => void seen.push(cause);
  process.on("unhandledRejection", onRejection);
  process.on("uncaughtException", onRejection);
  return {
    seen,
    stop() {
      process.off("unhandledRejection", onRejection);
      process.off("uncaughtException", onRejection);
    },
  };
}

it(`stands ${FRAMES} random frames (FUZZ_SEED=${SEED})`, { timeout: 120_000 }, async () => {
  const rejections = watchRejections();
  const url = `ws://127.0.0.1:${server.port}/socket/websocket?vsn=2.0.0`;
  const calm = new RawClient(url);
  await calm.next();

  let sent = 0;
  while (sent < FRAMES) {
    const wild = new WebSocket(url);
    wild.on("error", () => {});
    await new Promise((resolve) => wild.once("open", resolve));
    const ended = new Promise((resolve) => wild.once("close", resolve));
    for (let burst = 1 + below(60); burst > 0; burst--) {
      sent += 1;
      const kind = random();
      if (kind < 0.65) wild.send(madeUp(), { binary: false });
      else if (kind < 0.8) wild.send(mutated(), { binary: true });
      else if (kind < 0.98) wild.send(mutated(), { binary: false });
      else (wild as unknown as { _socket: NodeJS.WritableStream })._socket.write(mutated());
    }
    // Some say goodbye, some just go.
    if (random() < 0.5) wild.close();
    else wild.terminate();
    calm.sendText(`[null,"h${sent}","phoenix","heartbeat",{}]`);
    const answer = await calm.next();
    expect(answer.type === "text" && JSON.parse(answer.text)).toEqual([
      null,
      `h${sent}`,
      "phoenix",
      "phx_reply",
      { status: "ok", response: {} },
    ]);
    if (random() < 0.5) await ended;
  }

  expect(rejections.seen).toEqual([]);
  rejections.stop();
  await vi.waitUntil(() => server.endpoint.inspect().sockets === 1, { timeout: 20_000 });
  expect(server.endpoint.inspect()).toEqual({ sockets: 1, channels: 0 });
  calm.webSocket.terminate();
});

/** A body as phoenix.js sends it, or nearly. */
function madeUpBody(): Buffer {
  const lines = Array.from({ length: below(4) === 0 ? below(130) : 1 + below(4) }, () => {
    const kind = random();
    if (kind < 0.7) return madeUp();
    if (kind < 0.9) return Buffer.from(mutated().toString("base64"));
    return mutated();
  });
  const body = Buffer.from(lines.map((line) => line.toString("latin1")).join(pick(["\n", "\n", "\r\n", ""])), "latin1");
  for (let changes = below(3) === 0 ? below(4) : 0; changes > 0 && body.length > 0; changes--) {
    body[below(body.length)] = below(256);
  }
  return body;
}

function mutatedToken(token: string): string {
  const kind = below(5);
  if (kind === 0) return token.slice(0, below(token.length));
  if (kind === 1) return `${token}${pick([".", "A", token])}`;
  if (kind === 2) return pick(["", ".", "..", "__proto__", "SFMyNTY.g2gDaARkAAJ2MQ.x", "%", "A".repeat(5_000)]);
  const at = below(token.length);
  return `${token.slice(0, at)}${String.fromCharCode(33 + below(93))}${token.slice(at + 1)}`;
}

it(`stands ${REQUESTS} random long-poll requests (FUZZ_SEED=${SEED})`, { timeout: 120_000 }, async () => {
  const rejections = watchRejections();
  // Time stands still here, so that held polls wait until it is told to go on.
  const { clock, port } = server;
  const ask = (method: string, token: string, headers: Record<string, string> = {}, body?: Buffer) => {
    const query = token === "" ? "" : `&token=${encodeURIComponent(token)}`;
    const path = `/socket_still/longpoll?vsn=2.0.0${query}`;
    return httpRequest(port, { method, path, headers, ...(body === undefined ? {} : { body }) });
  };
  const openSession = async (): Promise<string> => {
    const { body } = await ask("GET", "");
    return (JSON.parse(body) as { token: string }).token;
  };
  const calm = await openSession();
  const polls: Promise<{ readonly status: number }>[] = [];
  const seen = new Map<number, number>();
  const note = (status: number): void => void seen.set(status, (seen.get(status) ?? 0) + 1);

  let token = await openSession();
  for (let sent = 0; sent < REQUESTS; sent++) {
    const kind = random();
    if (kind < 0.6) {
      const type = pick(["application/x-ndjson", "application/x-ndjson", "application/json", "", "x".repeat(100)]);
      const { status, body } = await ask("POST", token, { "content-type": type }, madeUpBody());
      expect([200, 400, 500]).toContain(status);
      if (status === 200) note((JSON.parse(body) as { status: number }).status);
      // A session that has ended says so until the next one is opened.
      if (body !== '{"status":200}' && status === 200) token = await openSession();
    } else if (kind < 0.7) {
      polls.push(ask("GET", token));
    } else if (kind < 0.95) {
      const wrong = mutatedToken(token);
      const method = pick(["POST", "GET"]);
      const asked = ask(
        method,
        wrong,
        pick([{}, { "x-phoenix-longpoll-token": mutatedToken(token).replaceAll(/[^!-~]/g, "") }]),
      );
      // Base64 leaves room for other spellings of one signature, so one of these may poll, and be held.
      if (method === "GET") polls.push(asked);
      else expect((await asked).status).toBeLessThan(501);
    } else {
      const { status } = await ask(pick(["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]), token);
      expect([200, 400]).toContain(status);
    }
    if (sent % 100 === 0) {
      clock.advance(1_000);
      const beat = Buffer.from(`[null,"h${sent}","phoenix","heartbeat",{}]`);
      expect((await ask("POST", calm, { "content-type": "application/x-ndjson" }, beat)).body).toBe('{"status":200}');
      const { body } = await ask("GET", calm);
      expect((JSON.parse(body) as { messages: string[] }).messages.map((text) => JSON.parse(text) as unknown)).toEqual([
        [null, `h${sent}`, "phoenix", "phx_reply", { status: "ok", response: {} }],
      ]);
    }
  }

  // Every held poll ends, every session with it, and no timer is left.
  for (let window = 0; window < 4; window++) {
    clock.advance(10_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const { status } of await Promise.all(polls)) expect([200, 500]).toContain(status);
  await vi.waitUntil(
    () => {
      clock.advance(10_000);
      return server.endpoints["/socket_still"]?.inspect().sockets === 0;
    },
    { timeout: 20_000 },
  );
  expect(server.endpoints["/socket_still"]?.inspect()).toEqual({ sockets: 0, channels: 0 });
  expect(clock.pending).toBe(0);
  // Some of it was taken, and some of it ended sessions: neither alone would show much.
  expect(seen.get(200)).toBeGreaterThan(20);
  expect(seen.get(408)).toBeGreaterThan(20);
  expect(rejections.seen).toEqual([]);
  rejections.stop();
});
