import type { Envelope } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import { Snapshots } from "../state/snapshot.js";
import type { StoreRecord } from "../state/store-record.js";
import { StoreTree } from "../state/store-tree.js";
import type { UploadRoot } from "../uploads/upload-root.js";
import type { UploadHandle } from "../uploads/upload-types.js";

/** A root's state here: its tree, at which version, and of which life of the root on the server. */
export class Replica {
  readonly tree: StoreTree;
  readonly snapshots: Snapshots;
  /** 0 before the first envelope of the server's own. */
  version = 0;
  /** The life that the tree is of; `undefined` when that has no name or has ended. */
  epoch: string | undefined;
  #nextEpoch: string | undefined;

  constructor(logger: Logger, uploads?: UploadRoot, unread?: (name: string) => UploadHandle) {
    this.tree = new StoreTree(uploads, unread);
    this.snapshots = new Snapshots(this.tree, logger);
  }

  get hasState(): boolean {
    return this.tree.root !== undefined;
  }

  /** The life that the tree is of is over. A new one, named as the mount reply says, may follow. */
  endLife(nextEpoch?: string): void {
    this.epoch = undefined;
    this.#nextEpoch = nextEpoch;
  }

  /** Whether the state was never the server's own in this root. */
  get fromCache(): boolean {
    return this.version === 0 && this.hasState;
  }

  /** Applies the envelope that begins a life. Returns the touched stores; throws with nothing changed. */
  begin(envelope: Envelope): readonly StoreRecord[] {
    const touched = this.tree.applyInitial(envelope);
    this.version = 1;
    this.epoch = envelope.epoch ?? this.#nextEpoch;
    this.#nextEpoch = undefined;
    return touched;
  }

  /** Applies the envelope after the present version. Returns the touched stores; throws with nothing changed. */
  advance(envelope: Envelope): readonly StoreRecord[] {
    const touched = this.tree.applyPatch(envelope);
    this.version = envelope.version;
    return touched;
  }
}
