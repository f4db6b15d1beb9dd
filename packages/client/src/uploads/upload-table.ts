import { isUploadOp, type JsonValue, type UploadOp } from "@musubi/protocol";
import type { StoreIndex } from "../state/store-index.js";
import type { StoreRecord } from "../state/store-record.js";
import type { StoreTree } from "../state/store-tree.js";
import type { UploadEngine } from "./upload-engine.js";
import type { UploadRoot } from "./upload-root.js";
import { UploadSlot } from "./upload-slot.js";
import { foldUpload, restartUpload, type UploadState } from "./upload-state.js";

/** The upload slots of a root's stores, which live and leave as their stores do (protocol.md sections 5 and 6). */
export class UploadTable {
  /** Whether an upload op has the right shape. */
  static readonly isOp: typeof isUploadOp = isUploadOp;

  readonly tree: StoreTree;
  readonly root: UploadRoot | undefined;
  /** What sends files, once a slot has been used. */
  engine: Promise<UploadEngine> | undefined;
  readonly #index: StoreIndex;

  /** Without a `root` nothing can be sent from the slots. */
  constructor(tree: StoreTree, index: StoreIndex, root: UploadRoot | undefined) {
    this.tree = tree;
    this.#index = index;
    this.root = root;
  }

  /** A slot of a store that is in the tree, made when first asked for. */
  slot(record: StoreRecord, name: string): UploadSlot {
    const slots = (record.uploads ??= new Map());
    let slot = slots.get(name);
    if (slot === undefined) {
      slot = new UploadSlot(name, record, this);
      slots.set(name, slot);
    }
    return slot;
  }

  /**
   * Applies the ops of an envelope whose tree is `tree`; one that begins the root clears every slot first. Returns the
   * stores of the slots that are other than before.
   */
  apply(ops: readonly UploadOp[], tree: JsonValue, isInitial = false): ReadonlySet<StoreRecord> {
    const states = new Map<UploadSlot, UploadState>();
    for (const { node, uploads } of isInitial ? this.#index.present() : []) {
      if (node === undefined) continue;
      for (const slot of uploads?.values() ?? []) states.set(slot, restartUpload(slot.state));
    }
    for (const op of ops) {
      const record = this.#index.find(op.store_id, tree);
      if (record?.node === undefined) continue;
      const slot = this.slot(record, op.upload);
      states.set(slot, foldUpload(states.get(slot) ?? slot.state, op));
    }
    const changed = new Set<StoreRecord>();
    for (const [slot, state] of states) if (slot.set(state)) changed.add(slot.record);
    return changed;
  }
}
