import { afterAll, beforeAll, expect, it, vi } from "vitest";
import WebSocket from "ws";
import { type EchoServer, startEchoServer } from "./support/echo-server.js";
import { recording, recordingNames, unclip } from "./support/fixtures.js";
import { RawClient } from "./support/raw-client.js";

const FRAMES = 6_000;
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

it(`stands ${FRAMES} random frames (FUZZ_SEED=${SEED})`, { timeout: 120_000 }, async () => {
  const rejections: unknown[] = [];
  const onRejection = (cause: unknown): void => void rejections.push(cause);
  process.on("unhandledRejection", onRejection);
  process.on("uncaughtException", onRejection);
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

  expect(rejections).toEqual([]);
  process.off("unhandledRejection", onRejection);
  process.off("uncaughtException", onRejection);
  await vi.waitUntil(() => server.endpoint.inspect().sockets === 1, { timeout: 20_000 });
  expect(server.endpoint.inspect()).toEqual({ sockets: 1, channels: 0 });
  calm.webSocket.terminate();
});
