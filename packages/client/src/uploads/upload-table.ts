import type { JsonValue, UploadOp } from "@musubi/protocol";
import { reconcile } from "../state/reconcile.js";
import type { StoreIndex } from "../state/store-index.js";
import type { StoreRecord } from "../state/store-record.js";
import type { StoreTree } from "../state/store-tree.js";
import type { UploadRoot } from "./upload-root.js";
import { UploadSlot } from "./upload-slot.js";
import { foldUpload, restartUpload, type UploadState } from "./upload-state.js";

/** The upload slots of a root's stores, which live and leave as their stores do (protocol.md sections 5 and 6). */
export class UploadTable {
  readonly #tree: StoreTree;
  readonly #index: StoreIndex;
  readonly #root: UploadRoot | undefined;

  /** Without a `root` nothing can be sent from the slots. */
  constructor(tree: StoreTree, index: StoreIndex, root: UploadRoot | undefined) {
    this.#tree = tree;
    this.#index = index;
    this.#root = root;
  }

  /** A slot of a store that is in the tree, made when first asked for. */
  slot(record: StoreRecord, name: string): UploadSlot {
    const slots = (record.uploads ??= new Map());
    let slot = slots.get(name);
    if (slot === undefined) {
      slot = new UploadSlot(name, record, this.#tree, this.#root);
      slots.set(name, slot);
    }
    return slot;
  }

  /** Applies the ops of an envelope whose tree is `tree`. Returns the stores of slots that changed. */
  apply(ops: readonly UploadOp[], tree: JsonValue): Set<StoreRecord> {
    const changed = new Set<StoreRecord>();
    for (const op of ops) {
      const record = this.#index.find(op.store_id, tree);
      if (record?.node === undefined) continue;
      const slot = this.slot(record, op.upload);
      if (slot.set(foldUpload(slot.state, op))) changed.add(record);
    }
    return changed;
  }

  /** As `apply`, for the envelope that begins a root; a slot that comes back as it was has not changed. */
  begin(ops: readonly UploadOp[], tree: JsonValue): Set<StoreRecord> {
    const former = new Map<UploadSlot, UploadState>();
    for (const { node, uploads } of this.#index.present()) {
      if (node === undefined || uploads === undefined) continue;
      for (const slot of uploads.values()) {
        former.set(slot, slot.state);
        slot.set(restartUpload(slot.state));
      }
    }
    const changed = this.apply(ops, tree);
    for (const { record } of former.keys()) changed.delete(record);
    for (const [slot, before] of former) {
      // A slot is JSON.
      const after = reconcile(before as unknown as JsonValue, slot.state as unknown as JsonValue);
      slot.set(after as unknown as UploadState);
      if (slot.state !== before) changed.add(slot.record);
    }
    return changed;
  }
}
