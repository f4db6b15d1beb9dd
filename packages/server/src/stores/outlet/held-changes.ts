import {
  diff,
  type JsonObject,
  jsonSize,
  type JsonValue,
  type StoreEvent,
  type StreamOp,
  type UploadOp,
} from "@musubi/protocol";
import type { Cycle } from "../cycle.js";
import type { EnvelopeParts } from "../envelope-parts.js";
import type { Instance } from "../instance.js";

/** Something that cannot be conflated; of a store, unless it is an event. */
interface Held<Op> {
  readonly instance: Instance | null;
  readonly op: Op;
  readonly bytes: number;
}

/** What the client may still have of a store that has left: so much would seem to be that of the next one with its id. */
interface Remains {
  readonly streams: ReadonlySet<string>;
  readonly uploads: ReadonlySet<string>;
}

/**
 * What has changed at a root since its client was last told. Of the tree only the client's own is kept, so it weighs
 * what differs, however many messages made the difference; stream ops, upload ops and events are kept in order.
 */
export class HeldChanges {
  /** What the client has. */
  readonly #tree: JsonObject;
  #streamOps: Held<StreamOp>[] = [];
  #uploadOps: Held<UploadOp>[] = [];
  #events: Held<StoreEvent>[] = [];
  /** Of stores that the client has and that left while this was held. Never more than it has. */
  readonly #remains = new Map<string, Remains>();
  /** Stores that the client has never had. */
  readonly #unseen = new WeakSet<Instance>();
  #bytes = 0;
  readonly #told: (() => void)[] = [];

  constructor(tree: JsonObject) {
    this.#tree = tree;
  }

  /** How many ops and events are kept; an op of a store that has left still counts if somebody waits for it. */
  get count(): number {
    return this.#streamOps.length + Math.max(this.#uploadOps.length, this.#told.length) + this.#events.length;
  }

  /** About how many characters their JSON has. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps what a message has changed; to be called before any other message changes anything. */
  add(cycle: Cycle): void {
    if (cycle.removed.size > 0) this.#drop(cycle.removed);
    for (const instance of cycle.mounted) if (!instance.state.detached) this.#mounted(instance);
    for (const { instance, op } of cycle.streamOps)
      if (!instance.state.detached) this.#put(this.#streamOps, instance, op);
    for (const { instance, op } of cycle.uploadOps)
      if (!instance.state.detached) this.#put(this.#uploadOps, instance, op);
    for (const event of cycle.events) this.#put(this.#events, null, event);
    this.#told.push(...cycle.told);
  }

  /** The client has been sent it, or never will be. */
  tell(): void {
    for (const tell of this.#told) tell();
  }

  /** What brings the client to `tree`, the root's own. */
  parts(tree: JsonObject): EnvelopeParts {
    return {
      ops: diff(this.#tree, tree),
      streamOps: this.#streamOps.map(({ op }) => op),
      uploadOps: this.#uploadOps.map(({ op }) => op),
      events: this.#events.map(({ op }) => op),
    };
  }

  #put<Op extends object>(list: Held<Op>[], instance: Instance | null, op: Op): void {
    // It is JSON, though its type has no index signature.
    const bytes = jsonSize(op as JsonValue, Number.POSITIVE_INFINITY, true);
    this.#bytes += bytes;
    list.push({ instance, op, bytes });
  }

  /** Nobody will see what was to be told of stores that have left; another one with the same id must not get it. */
  #drop(removed: ReadonlySet<Instance>): void {
    this.#streamOps = this.#without(this.#streamOps, removed);
    this.#uploadOps = this.#without(this.#uploadOps, removed);
    for (const instance of removed) {
      const { streams, definition, key } = instance;
      if (this.#unseen.has(instance) || streams.size + definition.uploads.size === 0) continue;
      this.#remains.set(key, { streams: new Set(streams.keys()), uploads: new Set(definition.uploads.keys()) });
    }
  }

  #without<Op>(list: Held<Op>[], removed: ReadonlySet<Instance>): Held<Op>[] {
    return list.filter(({ instance, bytes }) => {
      const stays = instance === null || !removed.has(instance);
      if (!stays) this.#bytes -= bytes;
      return stays;
    });
  }

  /** The client sees a store of this id all the while (protocol.md section 5), so it is told to empty what that had. */
  #mounted(instance: Instance): void {
    this.#unseen.add(instance);
    const remains = this.#remains.get(instance.key);
    if (remains === undefined) return;
    const { storeId, streams } = instance;
    for (const stream of remains.streams) {
      const ref = streams.get(stream)?.ref ?? "";
      this.#put(this.#streamOps, instance, { op: "reset", stream, ref, store_id: storeId });
    }
    for (const upload of remains.uploads) {
      this.#put(this.#uploadOps, instance, { op: "reset", upload, store_id: storeId });
    }
  }
}
