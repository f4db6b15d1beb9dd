import {
  applyPatch,
  type Envelope,
  type JsonValue,
  MusubiError,
  type PatchOp,
  STORE_ID_KEY,
  type StoreId,
  type StoreNode,
  StreamList,
  type StreamOp,
  TreeDraft,
} from "@musubi/protocol";
import type { UploadRoot } from "../uploads/upload-root.js";
import type { UploadSlot } from "../uploads/upload-slot.js";
import { UploadTable } from "../uploads/upload-table.js";
import { markersOf, pathOf } from "./placements.js";
import { reconcile } from "./reconcile.js";
import { isSameStoreId } from "./store-id-map.js";
import { StoreIndex } from "./store-index.js";
import type { StoreRecord } from "./store-record.js";
import { isStoreLike } from "./walk-stores.js";

type ChangedStreams = Map<StoreRecord, Set<string>>;
type FormerStreams = Map<StoreRecord, Map<string, StreamList>>;

const NO_ITEMS: readonly JsonValue[] = Object.freeze([]);
const NO_STREAMS: ReadonlyMap<StoreRecord, ReadonlySet<string>> = new Map();
const NO_KEYS: readonly string[] = Object.freeze([]);

/**
 * The rendered tree of one root with its streams. An envelope is applied wholly or not at all, copies only what lies
 * on the paths of its ops, and yields the stores it touched (protocol.md sections 3 to 5).
 *
 * A change of a stream shows in the tree as well: the stream's marker and everything above it get a new identity.
 * So one rule serves all readers: what is the identical object has not changed.
 *
 * It knows no versions and tells nobody.
 */
export class StoreTree {
  readonly #index = new StoreIndex();
  readonly #uploads: UploadTable;
  #root: StoreNode | undefined;

  /** `uploads` is the root that its upload slots send files through. */
  constructor(uploads?: UploadRoot) {
    this.#uploads = new UploadTable(this, this.#index, uploads);
  }

  /** The tree as last applied; `undefined` before the first envelope. */
  get root(): StoreNode | undefined {
    return this.#root;
  }

  get rootRecord(): StoreRecord {
    return this.#index.root;
  }

  /** The record of a store that is in the tree, or that somebody waits for. */
  find(id: StoreId): StoreRecord | undefined {
    return this.#index.find(id, this.#root);
  }

  /** The record of a store by id, made if there is none: only for those who then wait for the store. */
  record(id: StoreId): StoreRecord {
    return this.#index.obtain(id, this.#root);
  }

  /** The record of a node of this tree that lies right below the store of `parent`. */
  recordOf(node: StoreNode, parent: StoreRecord): StoreRecord {
    return this.#index.recordOf(node, parent);
  }

  /** Gives a store, and all that is above it, a new identity. Returns the stores that are touched by that. */
  touchStore(record: StoreRecord): readonly StoreRecord[] {
    if (this.#root === undefined || record.node === undefined) return [];
    const draft = new TreeDraft(this.#root, this.#index);
    this.#index.beginOp();
    draft.touch(pathOf(record));
    return this.#commit(draft, new Map());
  }

  /** To be called when a listener or handler of `record` was taken away. */
  release(record: StoreRecord): void {
    this.#index.release(record);
  }

  /** The items of a stream, in order; the same array until they change. */
  streamItems(record: StoreRecord, name: string): readonly JsonValue[] {
    return record.streams?.get(name)?.items() ?? NO_ITEMS;
  }

  /** The keys of a stream's items, in the order of the items; the same array until they change. */
  streamKeys(record: StoreRecord, name: string): readonly string[] {
    return record.streams?.get(name)?.keys() ?? NO_KEYS;
  }

  /** An upload slot of a store that is in the tree: the same object for as long as the store is. */
  upload(record: StoreRecord, name: string): UploadSlot {
    return this.#uploads.slot(record, name);
  }

  /** Visits every stream, in no order. */
  eachStream(visit: (storeId: StoreId, name: string, list: StreamList) => void): void {
    for (const { id, streams } of this.#index.present()) {
      for (const [name, list] of streams ?? []) visit(id, name, list);
    }
  }

  /**
   * Applies the envelope that begins a root: its one op holds the whole tree, which starts without streams and uploads. What
   * deep-equals the former state keeps its identity. Throws `malformed_envelope`, with nothing changed.
   */
  applyInitial(envelope: Envelope): readonly StoreRecord[] {
    const [op] = envelope.ops;
    const value = op !== undefined && op.op !== "remove" ? op.value : undefined;
    const root = requireRoot(reconcile(this.#root, value as JsonValue));
    this.#index.replaced(this.#root, root);
    const former = this.#takeStreams();
    const changed = this.#applyStreamOps(envelope.stream_ops, root, former);
    this.#keepEqualStreams(former, changed);
    const uploads = this.#uploads.apply(envelope.upload_ops ?? [], root, true);
    return this.#commit(new TreeDraft(root, this.#index), changed, uploads);
  }

  /** Applies a later envelope. Throws a `MusubiError` when an op does not apply, with nothing changed. */
  applyPatch(envelope: Envelope): readonly StoreRecord[] {
    if (this.#root === undefined) throw new MusubiError("path_not_found", "The root has no state to be patched yet.");
    const draft = this.#draft(this.#root, envelope.ops);
    const { stream_ops, upload_ops } = envelope;
    const streams = stream_ops.length === 0 ? NO_STREAMS : this.#applyStreamOps(stream_ops, draft.root);
    return this.#commit(draft, streams, upload_ops && this.#uploads.apply(upload_ops, draft.root));
  }

  #draft(root: StoreNode, ops: readonly PatchOp[]): TreeDraft {
    if (ops.some(changesIdentity)) {
      // Fresh objects all over, then shared by store: a part that stayed in place may belong to another store now.
      const next = requireRoot(reconcile(root, structuredClone(applyPatch(root, ops))));
      this.#index.replaced(root, next);
      return new TreeDraft(next, this.#index);
    }
    const draft = new TreeDraft(root, this.#index);
    try {
      for (let index = 0; index < ops.length; index++) {
        this.#index.beginOp();
        draft.apply(ops[index] as PatchOp);
      }
      return draft;
    } catch (error) {
      this.#index.rollback();
      throw error;
    }
  }

  #commit(
    draft: TreeDraft,
    changed: ReadonlyMap<StoreRecord, ReadonlySet<string>>,
    uploads?: Iterable<StoreRecord>,
  ): readonly StoreRecord[] {
    for (const [record, names] of changed) {
      for (const name of names) this.#touch(draft, record, name);
    }
    for (const record of uploads ?? []) {
      this.#index.beginOp();
      draft.touch(pathOf(record));
    }
    this.#root = draft.root as StoreNode;
    return this.#index.commit();
  }

  /** Gives the marker of a stream, and all that is above it, a new identity. */
  #touch(draft: TreeDraft, record: StoreRecord, name: string): void {
    const path = pathOf(record);
    const markers = markersOf(record, name);
    for (const steps of markers.length === 0 ? [[]] : markers) {
      this.#index.beginOp();
      draft.touch([...path, ...steps]);
    }
  }

  /** Ops of a store that is not in the tree are ignored. */
  #applyStreamOps(ops: readonly StreamOp[], tree: JsonValue, former?: FormerStreams): ChangedStreams {
    const changed: ChangedStreams = new Map();
    let record: StoreRecord | undefined;
    let list: StreamList | undefined;
    let before: StreamOp | undefined;
    for (const op of ops) {
      // Ops come in runs of one stream.
      if (before?.stream !== op.stream || !isSameStoreId(before.store_id, op.store_id)) {
        record = this.#index.find(op.store_id, tree);
        list = record?.node === undefined ? undefined : this.#streamOf(record, op.stream);
        if (record !== undefined && list !== undefined) noteChanged(changed, record, op.stream);
        before = op;
      }
      if (record === undefined || list === undefined) continue;
      if (op.op === "insert") {
        const known = former?.get(record)?.get(op.stream)?.get(op.item_key);
        list.insert(op.item_key, op.at, reconcile(known, op.item), op.limit);
      } else if (op.op === "delete") {
        list.delete(op.item_key);
      } else {
        list.reset();
      }
    }
    return changed;
  }

  #streamOf(record: StoreRecord, name: string): StreamList {
    record.streams ??= new Map();
    let list = record.streams.get(name);
    if (list === undefined) {
      list = new StreamList();
      record.streams.set(name, list);
    }
    return list;
  }

  /** Empties the table of streams, and hands over what was in it. */
  #takeStreams(): FormerStreams {
    const former: FormerStreams = new Map();
    for (const record of this.#index.present()) {
      if (record.streams === undefined) continue;
      former.set(record, record.streams);
      record.streams = undefined;
    }
    return former;
  }

  /** A stream that came back as it was is no change; one that did not come back is one. */
  #keepEqualStreams(former: FormerStreams, changed: ChangedStreams): void {
    for (const [record, streams] of former) {
      if (record.node === undefined) continue;
      for (const [name, before] of streams) {
        const after = record.streams?.get(name);
        const names = changed.get(record) ?? new Set();
        if (after === undefined ? before.size === 0 : isSameList(before, after)) {
          names.delete(name);
          if (after !== undefined) record.streams?.set(name, before);
        } else {
          changed.set(record, names.add(name));
        }
      }
    }
  }
}

function noteChanged(changed: ChangedStreams, record: StoreRecord, name: string): void {
  const names = changed.get(record);
  if (names === undefined) changed.set(record, new Set([name]));
  else names.add(name);
}

function isSameList(before: StreamList, after: StreamList): boolean {
  if (before.size !== after.size) return false;
  const [keys, items] = [before.keys(), before.items()];
  return (
    after.keys().every((key, index) => key === keys[index]) &&
    after.items().every((item, index) => item === items[index])
  );
}

/** Servers that diff lists by place may rewrite the id of a store; then the stores have to be looked at anew. */
function changesIdentity(op: PatchOp): boolean {
  return op.path === "" || op.path.includes(STORE_ID_KEY);
}

function requireRoot(value: JsonValue): StoreNode {
  if (typeof value === "object" && value !== null && isStoreLike(value) && value[STORE_ID_KEY].length === 0)
    return value;
  throw new MusubiError("malformed_envelope", `The tree of a root must be a store node with "${STORE_ID_KEY}": [].`);
}
