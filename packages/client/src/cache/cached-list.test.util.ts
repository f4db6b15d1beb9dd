import type { JsonObject, StreamOp } from "@musubi/protocol";
import { eventually } from "@musubi/testing";
import { afterEach, beforeEach } from "vitest";
import {
  type AnyRegistry,
  type CacheOptions,
  type CommandOptions,
  type MountedStore,
  type MusubiConnection,
  storeCacheKey,
} from "../index.js";
import { CacheWorld, type recordOf, spyPersister } from "./cache-setup.test.util.js";

export const ROOT = "List:1";
export const row = (id: string, n: number): JsonObject => ({ __musubi_store_id__: [id], n });
export const fields = (title: string, n: number = 1): JsonObject => ({
  title,
  rows: [row("a", n), row("b", 2)],
  log: { __musubi_stream__: "log" },
});
export const insert = (key: string, text: string): StreamOp => ({
  op: "insert",
  stream: "log",
  store_id: [],
  item_key: key,
  at: -1,
  item: { text },
  limit: null,
});

export let world: CacheWorld;
export let connection: MusubiConnection<AnyRegistry>;
export let persister: ReturnType<typeof spyPersister>;
let title: string;

beforeEach(async () => {
  world = new CacheWorld();
  title = "first";
  world.server.store("List", () => fields(title)).command("rename", () => ({ ok: true }));
  connection = await world.connect();
  persister = spyPersister();
});

afterEach(() => world.close());

/** What the list's title will be the next time it is mounted. */
export const titled = (next: string): void => {
  title = next;
};

export interface Commands {
  dispatchCommand(name: string, payload?: object, options?: CommandOptions): Promise<unknown>;
}
export type Mounted = MountedStore<string, AnyRegistry>;
export const mount = (
  cache: CacheOptions | undefined = { persister },
  from: typeof connection = connection,
): Promise<Mounted> => from.mountStore({ module: "List", id: "1", ...(cache === undefined ? {} : { cache }) });
export const titleOf = ({ store }: Mounted): unknown => (store.snapshot() as { title?: unknown } | undefined)?.title;
export const kept = (params?: object): ReturnType<typeof recordOf> | undefined =>
  persister.get(storeCacheKey({ module: "List", id: "1", params })) as ReturnType<typeof recordOf> | undefined;

/** Holds the answers to mounts back. */
export function holdMounts(): (() => void)[] {
  const held: (() => void)[] = [];
  world.server.intercept("mount", (_message, proceed) => held.push(proceed));
  return held;
}

/** A root with "first" and a log of two lines, mounted and ended once. */
export async function visited(cache: CacheOptions = { persister }): Promise<void> {
  const mounted = await mount(cache);
  world.server.patch(ROOT, [], { stream_ops: [insert("1", "one"), insert("2", "two")] });
  await eventually(() => readLog(mounted).length === 2);
  await world.end(mounted);
}
export const readLog = ({ store }: Mounted): readonly { text: string }[] =>
  (store as unknown as { log: readonly { text: string }[] }).log;
