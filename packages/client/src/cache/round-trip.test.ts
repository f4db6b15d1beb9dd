import type { JsonValue, StreamOp } from "@musubi/protocol";
import { eventually, initialEnvelope, SeededRandom } from "@musubi/testing";
import { expect, test } from "vitest";
import {
  connect,
  type AnyRegistry,
  type CacheRecord,
  createMemoryPersister,
  dehydrateStore,
  nextSnapshot,
} from "../index.js";
import { CacheWorld } from "./cache-setup.test.util.js";

const SEED = Number(process.env["CACHE_SEED"] ?? 20_260_101);
const ROUNDS = 150;

const NAMES = ["a", "b", "title", "toString", "constructor", "length", "~/", "0", "", "é\u2028"];
const TEXTS = ["", "x", "😀", "\ud800", '"\\', "__proto__", "\u0000"];

/** Random wire trees with streams, as a server may send them. */
class RandomRoot {
  readonly fields: Readonly<Record<string, JsonValue>>;
  readonly streamOps: StreamOp[] = [];
  readonly #random: SeededRandom;
  #stores = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.fields = this.#members([], 4);
  }

  #members(storeId: readonly string[], depth: number): Record<string, JsonValue> {
    const members: Record<string, JsonValue> = {};
    for (let left = this.#random.integer(0, 4); left > 0; left--) {
      members[this.#random.pick(NAMES)] = this.#value(storeId, depth - 1);
    }
    return members;
  }

  #value(storeId: readonly string[], depth: number): JsonValue {
    const random = this.#random;
    const kind = depth <= 0 ? random.integer(0, 3) : random.integer(0, 8);
    if (kind === 0) return random.pick([null, true, false]);
    if (kind === 1) return random.pick([0, -1, 1.5, 1e300, 2 ** 53]);
    if (kind === 2) return random.pick(TEXTS);
    if (kind === 3) return this.#stream(storeId);
    if (kind === 4)
      return { __musubi_async__: true, status: "ok", result: this.#value(storeId, depth - 1), reason: null };
    if (kind === 5) return Array.from({ length: random.integer(0, 3) }, () => this.#value(storeId, depth - 1));
    if (kind === 6) return this.#members(storeId, depth);
    const child = [...storeId, `s${this.#stores++}`];
    return { __musubi_store_id__: child, ...this.#members(child, depth) };
  }

  #stream(store_id: readonly string[]): JsonValue {
    const stream = `l${this.#stores++}`;
    for (let left = this.#random.integer(0, 5); left > 0; left--) {
      const item_key = String(this.#random.integer(0, 5));
      const at = this.#random.pick([-1, 0, 1]);
      this.streamOps.push({ op: "insert", stream, store_id, item_key, at, item: this.#value([], 0), limit: null });
    }
    return { __musubi_stream__: stream };
  }
}

test(`client.md 17: random trees and streams come back as they were (CACHE_SEED=${SEED})`, async () => {
  const world = new CacheWorld();
  const sockets = [world.server.createSocket(), world.server.createSocket()] as const;
  const connections = await Promise.all(sockets.map((socket) => connect<AnyRegistry>(socket, world)));
  const [before, after] = connections as [(typeof connections)[0], (typeof connections)[0]];
  const random = new SeededRandom(SEED);
  let streamed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { fields, streamOps } = new RandomRoot(random);
    const root = { module: "Random", id: String(round) };
    const undo = world.server.intercept("mount", (message) => {
      world.server.reply(message, "ok", { root_id: root.id });
      world.server.push("patch", initialEnvelope(root.id, fields, { stream_ops: streamOps }));
    });
    const mounted = await before.mountStore(root);
    undo();
    const text = JSON.stringify(dehydrateStore(mounted.store));
    world.server.intercept("mount", () => {});
    const persister = createMemoryPersister();
    const seeded = after.openRoot({ ...root, cache: { persister, initialData: JSON.parse(text) as CacheRecord } });
    expect(seeded.state.current, `round ${round}`).toEqual({ status: "stale", fromCache: true });
    expect(seeded.store.snapshot(), `round ${round}: ${text}`).toEqual(mounted.store.snapshot());
    streamed += streamOps.length;
    seeded.release();
    await mounted.unmount();
  }
  expect(streamed).toBeGreaterThan(ROUNDS);
  for (const connection of connections) await connection.disconnect();
  for (const socket of sockets) socket.disconnect();
  await world.close();
});

test("client.md 13 and 17: a stream that came from a record goes on where it was", async () => {
  const world = new CacheWorld();
  world.server.store("Log", () => ({ log: { __musubi_stream__: "log" } }));
  const connection = await world.connect();
  const mounted = await connection.mountStore({
    module: "Log",
    id: "1",
    cache: { persister: createMemoryPersister() },
  });
  const insert = (item_key: string, at: number) =>
    ({ op: "insert", stream: "log", store_id: [], item_key, at, item: item_key, limit: null }) as const;
  const next = nextSnapshot(mounted.store);
  world.server.patch("Log:1", [], { stream_ops: [insert("b", -1), insert("c", -1), insert("a", 0)] });
  await next;
  const initialData = JSON.parse(JSON.stringify(dehydrateStore(mounted.store))) as CacheRecord;
  const page = await world.connect();
  world.server.intercept("mount", (message) => {
    world.server.reply(message, "ok", { root_id: "Log:1" });
    const stream_ops = [insert("a", -1), insert("b", -1), insert("c", -1), insert("d", -1)];
    world.server.push("patch", initialEnvelope("Log:1", { log: { __musubi_stream__: "log" } }, { stream_ops }));
  });
  const seeded = page.openRoot({ module: "Log", id: "1", cache: { initialData } });
  const log = () => (seeded.store.snapshot() as unknown as { log: readonly string[] }).log;
  expect(log()).toEqual(["a", "b", "c"]);
  await eventually(() => log().length === 4);
  expect(log()).toEqual(["a", "b", "c", "d"]);
  await world.close();
});
