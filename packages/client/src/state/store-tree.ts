import {
  applyStreamOp,
  type Envelope,
  type JsonValue,
  MusubiError,
  type PatchOp,
  STORE_ID_KEY,
  STREAM_KEY,
  type StoreId,
  type StoreNode,
  StreamList,
  type StreamOp,
  type Trail,
  TreeDraft,
} from "@musubi/protocol";
import type { UploadRoot } from "../uploads/upload-root.js";
import { uploadTable } from "../uploads/upload-code.js";
import type { UploadTable } from "../uploads/upload-table.js";
import type { UploadHandle } from "../uploads/upload-types.js";
import { reconcile } from "./reconcile.js";
import { isSameStoreId } from "./store-id-map.js";
import { StoreIndex } from "./store-index.js";
import type { StoreRecord } from "./store-record.js";
import { findBelow, isStoreLike, renewAlong, type Steps } from "./walk-stores.js";

/** Lists that an envelope changed, and where they belong. */
type ChangedStreams = Map<StreamList, readonly [record: StoreRecord, name: string]>;
type FormerStreams = Map<StoreRecord, Map<string, StreamList>>;

const NONE: readonly never[] = Object.freeze([]);

/** How many envelopes may be applied in place, one after another, while nobody looks. */
const MAX_UNSEEN = 128;

/**
 * The rendered tree of one root with its streams. An envelope is applied wholly or not at all, copies only what lies
 * on the paths of its ops, and yields the stores it touched (protocol.md sections 3 to 5). What it made and nobody has
 * looked at since, the next envelope changes in place.
 *
 * A change of a stream shows in the tree as well: the stream's marker and everything above it get a new identity.
 * So one rule serves all readers: what is the identical object has not changed.
 *
 * It knows no versions and tells nobody.
 */
export class StoreTree {
  readonly #index = new StoreIndex();
  readonly #unseen = this.#index.unseen;
  readonly #draft = new TreeDraft(null);
  /** Streams whose markers nobody has seen since they got a new identity. */
  readonly #renewed = new Set<StreamList>();
  readonly #uploadRoot: UploadRoot | undefined;
  readonly #unread: ((name: string) => UploadHandle) | undefined;
  #slots: UploadTable | undefined;
  #root: StoreNode | undefined;

  /** `uploads` is the root that its upload slots send files through. Without one, `unread` stands for slots of which nothing is known. */
  constructor(uploads?: UploadRoot, unread?: (name: string) => UploadHandle) {
    this.#uploadRoot = uploads;
    this.#unread = unread;
  }

  /** `undefined` until its code is loaded: before that no tree has uploads. */
  get #uploads(): UploadTable | undefined {
    const Table = uploadTable();
    return (this.#slots ??= Table && new Table(this, this.#index, this.#uploadRoot));
  }

  /** The tree as last applied, which is never written to from now on; `undefined` before the first envelope. */
  get root(): StoreNode | undefined {
    this.#unseen.left = 0;
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
    this.#renew(record, NONE);
    return this.#index.commit();
  }

  /** To be called when a listener or handler of `record` was taken away. */
  release(record: StoreRecord): void {
    this.#index.release(record);
  }

  /** The items of a stream, in order; the same array until they change. */
  streamItems(record: StoreRecord, name: string): readonly JsonValue[] {
    return record.streams?.get(name)?.items() ?? NONE;
  }

  /** An upload slot of a store that is in the tree: the same object for as long as the store is. */
  upload(record: StoreRecord, name: string): UploadHandle | undefined {
    return this.#unread === undefined ? this.#uploads?.slot(record, name) : this.#unread(name);
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
  applyInitial({ ops, stream_ops, upload_ops }: Envelope): readonly StoreRecord[] {
    this.#replace((ops[0] as { readonly value?: JsonValue } | undefined)?.value);
    const former: FormerStreams = new Map();
    for (const record of this.#index.present()) {
      if (record.streams !== undefined) former.set(record, record.streams);
      record.streams = undefined;
    }
    const changed = this.#applyStreamOps(stream_ops, former);
    keepEqualStreams(former, changed);
    return this.#commit(changed, this.#uploads?.apply(upload_ops ?? [], this.#root as StoreNode, true));
  }

  /** Applies a later envelope, which only a root that is live gets. Throws a `MusubiError` when an op does not apply, with nothing changed. */
  applyPatch({ ops, stream_ops, upload_ops }: Envelope): readonly StoreRecord[] {
    this.#applyOps(this.#root as StoreNode, ops);
    const streams = stream_ops.length === 0 ? undefined : this.#applyStreamOps(stream_ops);
    return this.#commit(streams, upload_ops && this.#uploads?.apply(upload_ops, this.#root as StoreNode));
  }

  #applyOps(root: StoreNode, ops: readonly PatchOp[]): void {
    const draft = this.#draft;
    let rewritesIds = false;
    // Servers that diff lists by place may rewrite the id of a store; then the stores have to be looked at anew.
    for (const { path } of ops) rewritesIds ||= path === "" || path.includes(STORE_ID_KEY);
    // One op throws before it changes anything; what is to be undone with others must not be written to.
    if (ops.length > 1 || rewritesIds || --this.#unseen.left < 0) {
      draft.begin(root);
      if (this.#renewed.size > 0) this.#renewed.clear();
      this.#unseen.left = MAX_UNSEEN;
    }
    try {
      for (let index = 0; index < ops.length; index++) {
        const op = ops[index] as PatchOp;
        const trail = draft.apply(op);
        if (!rewritesIds) this.#index.applied(trail as Trail, op);
      }
      // Fresh objects all over, then shared by store: a part that stayed in place may belong to another store now.
      if (rewritesIds) this.#replace(structuredClone(draft.root));
      else this.#root = draft.root as StoreNode;
    } catch (error) {
      this.#unseen.left = 0;
      this.#index.replaced(root);
      this.#index.commit();
      throw error;
    }
  }

  /** Takes a whole tree, all of its own, in place of the present one. */
  #replace(value: JsonValue | undefined): void {
    if (typeof value !== "object" || value === null || !isStoreLike(value) || value[STORE_ID_KEY].length > 0) {
      throw new MusubiError("malformed_envelope", `the tree of a root must have "${STORE_ID_KEY}": []`);
    }
    this.#root = reconcile(this.#root, value) as StoreNode;
    this.#unseen.left = 0;
    this.#renewed.clear();
    this.#index.replaced(this.#root);
  }

  #commit(streams: ChangedStreams | undefined, uploads: Iterable<StoreRecord> | undefined): readonly StoreRecord[] {
    if (streams) for (const [list, [record, name]] of streams) this.#renewMarkers(list, record, name);
    if (uploads) for (const record of uploads) this.#renew(record, NONE);
    return this.#index.commit();
  }

  /** Gives the markers of a stream, and all that is above them, a new identity that nobody has seen. */
  #renewMarkers(list: StreamList, record: StoreRecord, name: string): void {
    if (this.#renewed.has(list)) {
      this.#renewInPlace(record);
      return;
    }
    const isMarker = (value: JsonValue | undefined): boolean =>
      (value as { readonly [STREAM_KEY]?: unknown } | null | undefined)?.[STREAM_KEY] === name;
    const markers = findBelow(record.unseenNode as StoreNode, record.markers?.get(name), isMarker);
    (record.markers ??= new Map()).set(name, markers);
    for (const steps of markers.length === 0 ? [NONE] : markers) this.#renew(record, steps);
    this.#renewed.add(list);
  }

  #renewInPlace(record: StoreRecord): void {
    if (record.parent !== undefined) this.#renewInPlace(record.parent);
    this.#index.renew(record, record.unseenNode as StoreNode);
  }

  /** Gives what `steps` lead to from a store, and all that is above it, a new identity. */
  #renew(record: StoreRecord, steps: Steps): void {
    if (record.unseenNode !== undefined) this.#put(record, renewAlong(record.unseenNode, steps));
  }

  /** Puts a node in the place of a store's, in copies of all that is above it. */
  #put(record: StoreRecord, node: StoreNode): void {
    const { parent, unseenNode } = record;
    const around = parent?.unseenNode;
    if (parent === undefined || around === undefined) {
      this.#root = node;
      this.#draft.begin(node);
    } else {
      record.steps = findBelow(around, record.steps, (value) => value === unseenNode);
      const [steps] = record.steps;
      this.#put(parent, steps === undefined ? around : renewAlong(around, steps, node));
    }
    this.#index.renew(record, node);
  }

  /** Ops of a store that is not in the tree are ignored. */
  #applyStreamOps(ops: readonly StreamOp[], former?: FormerStreams): ChangedStreams {
    const changed: ChangedStreams = new Map();
    let record: StoreRecord | undefined;
    let list: StreamList | undefined;
    let before: StreamOp | undefined;
    for (const op of ops) {
      // Ops come in runs of one stream.
      if (before?.stream !== op.stream || !isSameStoreId(before.store_id, op.store_id)) {
        before = op;
        record = this.#index.find(op.store_id, this.#root);
        list = undefined;
        if (record?.unseenNode !== undefined) {
          const streams = (record.streams ??= new Map());
          list = streams.get(op.stream);
          if (list === undefined) streams.set(op.stream, (list = new StreamList()));
          changed.set(list, [record, op.stream]);
        }
      }
      if (record === undefined || list === undefined) continue;
      const known = op.op === "insert" ? former?.get(record)?.get(op.stream)?.get(op.item_key) : undefined;
      applyStreamOp(
        list,
        known === undefined ? op : ({ ...op, item: reconcile(known, (op as { item: JsonValue }).item) } as StreamOp),
      );
    }
    return changed;
  }
}

/** A stream that came back as it was is no change; one that did not come back is one. */
function keepEqualStreams(former: FormerStreams, changed: ChangedStreams): void {
  for (const [record, streams] of former) {
    if (record.unseenNode === undefined) continue;
    for (const [name, before] of streams) {
      const after = record.streams?.get(name);
      if (after === undefined ? before.size > 0 : !isSameList(before, after)) {
        changed.set(after ?? before, [record, name]);
      } else if (after !== undefined) {
        changed.delete(after);
        record.streams?.set(name, before);
      }
    }
  }
}

function isSameList(before: StreamList, after: StreamList): boolean {
  const keys = after.keys();
  const items = after.items();
  return (
    before.size === after.size &&
    before.keys().every((key, at) => key === keys[at]) &&
    before.items().every((item, at) => item === items[at])
  );
}
