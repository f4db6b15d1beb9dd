import { MusubiError, type StreamOp } from "@musubi/protocol";
import type { Cycle } from "./cycle.js";
import type { Instance, InstanceStream } from "./instance.js";
import type { StreamItems } from "./async/async-context.js";
import { toJson } from "./write-json.js";

/** Writes to one stream of a store within one message; keeps no items (protocol.md section 5). */
export class StreamOps {
  readonly #live: () => Cycle;
  readonly #instance: Instance;
  readonly #name: string;
  readonly #stream: InstanceStream;

  constructor(live: () => Cycle, instance: Instance, name: string, stream: InstanceStream) {
    this.#live = live;
    this.#instance = instance;
    this.#name = name;
    this.#stream = stream;
  }

  insert(item: unknown, options: { readonly at?: number; readonly limit?: number | null } = {}): void {
    const { at = -1, limit = this.#stream.definition.limit } = options;
    if (!Number.isSafeInteger(at) || (limit !== null && !Number.isSafeInteger(limit))) {
      throw new MusubiError("invalid_usage", `${this.#label}: "at" and "limit" are integers, "limit" may be null`);
    }
    const json = toJson(item, `an item of ${this.#label}`);
    this.#push({ ...this.#base, op: "insert", item_key: this.#keyOf(item), at, item: json, limit });
  }

  delete(key: string): void {
    this.#push({ ...this.#base, op: "delete", item_key: key });
  }

  reset(items: readonly unknown[] = []): void {
    this.#push({ ...this.#base, op: "reset" });
    for (const item of items) this.insert(item);
  }

  /** Inserts what an async function loaded. Items of one `at` keep their order, wherever that is. */
  load(loaded: unknown): void {
    const load: StreamItems<unknown> = Array.isArray(loaded) ? { items: loaded } : (loaded as StreamItems<unknown>);
    const { at = -1, limit = this.#stream.definition.limit } = load;
    if (!Array.isArray(load.items)) {
      throw new MusubiError("invalid_usage", `what loads ${this.#label} returns an array, or { items }`);
    }
    if (load.reset === true) this.reset();
    const isAhead = at === 0 || at < -1;
    for (const [index, item] of (isAhead ? load.items.toReversed() : load.items).entries()) {
      this.insert(item, { at: at > 0 ? at + index : at, limit });
    }
  }

  get #base(): { readonly stream: string; readonly ref: string; readonly store_id: Instance["storeId"] } {
    return { stream: this.#name, ref: this.#stream.ref, store_id: this.#instance.storeId };
  }

  get #label(): string {
    return `the stream "${this.#name}" of ${this.#instance.label}`;
  }

  #keyOf(item: unknown): string {
    const key: unknown = this.#stream.definition.key(item);
    if (typeof key === "string") return key;
    throw new MusubiError("invalid_usage", `the key of an item of ${this.#label} is a ${typeof key}, not a string`);
  }

  #push(op: StreamOp): void {
    this.#live().streamOps.push({ instance: this.#instance, op });
  }
}
