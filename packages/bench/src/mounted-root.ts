import {
  mountConnectionRoot,
  openConnectionState,
  readStream,
  readTree,
  type Root,
  subscribeStore,
} from "@musubi/client/runtime";
import { type Envelope, type JsonValue, PATCH, type StoreId, type StreamOp } from "@musubi/protocol";
import { DirectSocket } from "./direct-socket.js";
import { NaiveRuntime } from "./naive-runtime.js";

/** An envelope whose root and versions may be set: what a bench parsed is its own. */
export type Numbered = { -readonly [Member in keyof Envelope]: Envelope[Member] };

/** A client with one root, as the cases of the runtime bench see it. */
export interface Client {
  readonly tree: unknown;
  /** How often listeners were told. */
  readonly told: number;
  subscribe(ids: readonly StoreId[]): void;
  stream(id: StoreId, name: string): readonly JsonValue[];
  /** Takes a freshly parsed envelope, after numbering it to follow the last one. */
  take(envelope: Numbered): void;
}

/** The envelope that begins a root with `tree`. */
export function initialEnvelope(tree: JsonValue, streamOps: readonly StreamOp[] = []): Numbered {
  return {
    type: "patch",
    root_id: ROOT_ID,
    base_version: 0,
    version: 1,
    ops: [{ op: "replace", path: "", value: tree }],
    stream_ops: streamOps,
  };
}

const MODULE = "App.BoardStore";
const ROOT_ID = "1";

/** @musubi/client through its public entries: a connection that is joined, and a mount that was answered. */
export class OurClient implements Client {
  readonly #socket = new DirectSocket();
  readonly #root: Root;
  #version = 0;
  told = 0;

  constructor() {
    const { connection } = openConnectionState(this.#socket, { unmountGraceMs: 0 });
    const { connection: root, ready } = mountConnectionRoot(connection, { module: MODULE, id: ROOT_ID });
    ready.catch(() => {});
    this.#root = root;
  }

  get tree(): unknown {
    return readTree(this.#root);
  }

  subscribe(ids: readonly StoreId[]): void {
    for (const id of ids) {
      subscribeStore(this.#root, id, () => {
        this.told += 1;
      });
    }
  }

  stream(id: StoreId, name: string): readonly JsonValue[] {
    return readStream(this.#root, id, name);
  }

  take(envelope: Numbered): void {
    envelope.root_id = ROOT_ID;
    envelope.base_version = this.#version;
    envelope.version = ++this.#version;
    this.#socket.deliver(PATCH, envelope);
  }
}

/** The straightforward runtime. */
export class NaiveClient implements Client {
  readonly #runtime = new NaiveRuntime();
  #version = 0;
  told = 0;

  get tree(): unknown {
    return this.#runtime.tree;
  }

  subscribe(ids: readonly StoreId[]): void {
    for (const id of ids) {
      this.#runtime.subscribe(id, () => {
        this.told += 1;
      });
    }
  }

  stream(id: StoreId, name: string): readonly JsonValue[] {
    return this.#runtime.stream(id, name);
  }

  take(envelope: Numbered): void {
    envelope.base_version = this.#version;
    envelope.version = ++this.#version;
    this.#runtime.apply(envelope);
  }
}
