import { type JsonObject, type JsonValue, type PatchOp, STORE_ID_KEY, storeIdKey, UPLOAD_KEY } from "@musubi/protocol";
import {
  hydrate,
  idOf,
  type ModelDocument,
  type ModelStore,
  type ModelStreams,
  STREAMS,
  storesOf,
  streamKey,
} from "./model-document.js";

/** What a root was at one version, and what led there. */
export class RunVersion {
  readonly tree: ModelStore;
  readonly streams: ModelStreams;
  readonly ops: readonly PatchOp[];
  readonly events: readonly number[];
  /** An envelope that no client may apply led here. */
  readonly isSpoilt: boolean;
  #views: Map<string, string> | undefined;
  #rewritten: Set<string> | undefined;
  #placements: Map<string, string> | undefined;
  #snapshot: unknown;

  constructor(
    tree: ModelStore,
    streams: ModelStreams,
    ops: readonly PatchOp[],
    events: readonly number[],
    isSpoilt = false,
  ) {
    this.tree = tree;
    this.streams = streams;
    this.ops = ops;
    this.events = events;
    this.isSpoilt = isSpoilt;
  }

  /** Each store's whole content, with all below it and all streams, as a text to compare. */
  get views(): ReadonlyMap<string, string> {
    this.#views ??= new Map(
      storesOf(this.tree).map((store) => {
        const streams = storesOf(store).flatMap((below) =>
          STREAMS.map((name) => this.streams.get(streamKey(storeIdKey(idOf(below)), name)) ?? []),
        );
        return [storeIdKey(idOf(store)), JSON.stringify([sorted(store), streams])];
      }),
    );
    return this.#views;
  }

  /** Where each store is: the keys that lead to it and the stores on the way, without places in lists. */
  get placements(): ReadonlyMap<string, string> {
    if (this.#placements === undefined) {
      this.#placements = new Map();
      place(this.tree, "", this.#placements);
    }
    return this.#placements;
  }

  /** Stores that came whole in an op: their listeners may be told although nothing in them differs. */
  get rewritten(): ReadonlySet<string> {
    this.#rewritten ??= new Set(
      this.ops.flatMap((op) => (op.op === "remove" ? [] : storesOf(op.value).map((store) => storeIdKey(idOf(store))))),
    );
    return this.#rewritten;
  }

  /** What an app is to read. */
  get snapshot(): unknown {
    this.#snapshot ??= hydrate(this.tree, this.streams, storeIdKey([]));
    return this.#snapshot;
  }
}

/** One life of a root on the server, with all that it ever was. */
export class RootRun {
  readonly number: number;
  readonly pair: string;
  readonly rootId: string;
  readonly params: JsonValue;
  /** By version; there is none at 0. */
  readonly history: RunVersion[] = [];
  /** The payloads of all envelopes after the first, for clients that come back. */
  readonly log: JsonValue[] = [];
  /** Kept for a client that has not asked for it yet: it changes, and nothing is sent. */
  isPaused = false;
  /** Where its upload slots are in its tree. */
  readonly #slots: JsonObject;

  constructor(
    identity: {
      readonly number: number;
      readonly pair: string;
      readonly rootId: string;
      readonly params: JsonValue;
      readonly hasUploads: boolean;
    },
    document: ModelDocument,
  ) {
    this.number = identity.number;
    this.pair = identity.pair;
    this.rootId = identity.rootId;
    this.params = identity.params;
    this.#slots = identity.hasUploads ? { files: { [UPLOAD_KEY]: "files" } } : {};
    const first = new RunVersion(this.render(document), document.streams, [], []);
    this.history.push(first, first);
  }

  /** The name of this life, from servers that have one. */
  get epoch(): string {
    return `epoch-${this.number}`;
  }

  get version(): number {
    return this.history.length - 1;
  }

  get current(): RunVersion {
    return this.history[this.version] as RunVersion;
  }

  render(document: ModelDocument): ModelStore {
    return { ...document.tree, run: this.number, params: this.params, ...this.#slots };
  }

  advance(tree: ModelStore, streams: ModelStreams, ops: readonly PatchOp[], events: readonly number[]): RunVersion {
    const next = new RunVersion(tree, streams, ops, events);
    this.history.push(next);
    return next;
  }

  /** Takes a version that no client may ever show. */
  spoil(): void {
    const { tree, streams } = this.current;
    this.history.push(new RunVersion(tree, streams, [], [], true));
  }
}

function place(value: unknown, path: string, placements: Map<string, string>): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) place(item, `${path}/*`, placements);
    return;
  }
  let below = path;
  if (Object.hasOwn(value, STORE_ID_KEY)) {
    placements.set(storeIdKey(idOf(value)), path);
    below = `${path}(${storeIdKey(idOf(value))})`;
  }
  for (const [key, member] of Object.entries(value)) place(member, `${below}/${key}`, placements);
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const object = value as Record<string, unknown>;
  return Object.fromEntries(
    Object.keys(object)
      .sort()
      .map((key) => [key, sorted(object[key])]),
  );
}
