import {
  type DraftObserver,
  type JsonArray,
  type JsonObject,
  type JsonValue,
  STORE_ID_KEY,
  type StoreId,
  type StoreNode,
} from "@musubi/protocol";
import { StoreIdMap } from "./store-id-map.js";
import { createStoreRecord, isWanted, type StoreRecord } from "./store-record.js";
import { isStoreLike, walkStores } from "./walk-stores.js";

/** What a record was before the current change. */
interface Before {
  readonly record: StoreRecord;
  readonly id: StoreId;
  readonly node: StoreNode | undefined;
  readonly parent: StoreRecord | undefined;
}

/**
 * Which records stand for which store nodes, kept while a tree is rewritten: it hears from the draft what is copied
 * on the way down and what comes and goes at the end, so its cost follows the change and never the tree.
 *
 * Two invariants hold between changes. The stores around a recorded store are recorded. And either only stores that
 * somebody asked for have records, or, after a look-up by id had to walk the tree once, all of them.
 *
 * A change is staged until `commit`; `rollback` undoes it. It owns neither the tree nor what listeners are told.
 */
export class StoreIndex implements DraftObserver {
  readonly root: StoreRecord = createStoreRecord([]);
  readonly #byId = new StoreIdMap<StoreRecord>();
  /** By identity of the id array, which shallow copies of a node keep. */
  readonly #byIdentity = new Map<StoreId, StoreRecord>();
  /** Former states of the records that the current change affects. */
  #staged: Before[] = [];
  #change = 1;
  #isComplete = false;
  /** Stores on the path of the current op, outermost first. */
  #path: StoreNode[] = [];

  constructor() {
    this.#byId.set([], this.root);
  }

  /** The record of a store that is in `tree`, or was asked for before; walks the tree at the first miss. */
  find(id: StoreId, tree: JsonValue | undefined): StoreRecord | undefined {
    const record = this.#byId.get(id);
    if (record !== undefined || this.#isComplete || tree === undefined) return record;
    this.#isComplete = true;
    walkStores(tree, [], (node, chain) => {
      const around = chain.at(-1);
      this.recordOf(node, around === undefined ? undefined : this.#byIdentity.get(around[STORE_ID_KEY]));
      return true;
    });
    return this.#byId.get(id);
  }

  /** As `find`, but makes a record for a store that is not there, so that its coming can be heard of. */
  obtain(id: StoreId, tree: JsonValue | undefined): StoreRecord {
    const found = this.find(id, tree);
    if (found !== undefined) return found;
    const record = createStoreRecord(id);
    this.#byId.set(id, record);
    return record;
  }

  /** The record of a node that is in the tree, right below `parent`. */
  recordOf(node: StoreNode, parent: StoreRecord | undefined): StoreRecord {
    const known = this.#byIdentity.get(node[STORE_ID_KEY]);
    if (known !== undefined) return known;
    return this.#adopt(node, parent);
  }

  /** The records of stores that are in the tree, or were before the current change. */
  present(): Iterable<StoreRecord> {
    return this.#byIdentity.values();
  }

  /** Forgets a record that nobody waits for any more and that is not in the tree. */
  release(record: StoreRecord): void {
    if (record.node !== undefined || record === this.root || isWanted(record)) return;
    if (this.#byId.get(record.id) === record) this.#byId.delete(record.id);
  }

  /** To be called before each op of a draft. */
  beginOp(): void {
    this.#path = [];
  }

  enter(node: JsonObject | JsonArray): void {
    if (!isStoreLike(node)) return;
    this.#path.push(node);
    const record = this.#byIdentity.get(node[STORE_ID_KEY]);
    if (record === undefined || record.node === node) return;
    this.#stage(record);
    record.node = node;
  }

  removed(value: JsonObject | JsonArray): void {
    this.#forgetMarkers();
    if (this.#byIdentity.size > 1) this.#leave(value, undefined);
  }

  inserted(value: JsonObject | JsonArray): void {
    this.#forgetMarkers();
    if (this.#byId.holdsOnlyRoot && !this.#isComplete) return;
    walkStores(value, this.#path.slice(), (node, chain) => {
      this.#arrive(node, chain);
      return true;
    });
  }

  /** The whole tree was replaced; what is the identical object in both needs no look. */
  replaced(previous: JsonValue | undefined, next: StoreNode): void {
    if (this.#byId.holdsOnlyRoot && !this.#isComplete) {
      this.#arrive(next, []);
      return;
    }
    const kept = new Set<StoreNode>();
    walkStores(next, [], (node, chain) => {
      const known = this.#byIdentity.get(node[STORE_ID_KEY]);
      if (known?.node !== node) {
        this.#arrive(node, chain);
        return true;
      }
      kept.add(node);
      const parent = this.#ensureChain(chain);
      if (known.parent !== parent) {
        this.#stage(known);
        known.parent = parent;
      }
      return false;
    });
    if (previous !== undefined) this.#leave(previous, kept);
  }

  /** Makes the staged change real. Returns the records of stores that changed, came or left. */
  commit(): StoreRecord[] {
    const touched: StoreRecord[] = [];
    for (const { record, id, node } of this.#endChange()) {
      if (id !== record.id && this.#byIdentity.get(id) === record) this.#byIdentity.delete(id);
      if (record.node === undefined) this.#detach(record);
      if (record.node !== node) touched.push(record);
    }
    return touched;
  }

  /** Undoes the staged change. */
  rollback(): void {
    for (const { record, id, node, parent } of this.#endChange()) {
      if (record.id !== id) this.#byIdentity.delete(record.id);
      record.id = id;
      record.node = node;
      record.parent = parent;
      if (node === undefined) this.#detach(record);
      else this.#byIdentity.set(id, record);
    }
  }

  #endChange(): readonly Before[] {
    const staged = this.#staged;
    this.#staged = [];
    this.#change += 1;
    return staged;
  }

  /** To be called before a record is written to. */
  #stage(record: StoreRecord): void {
    if (record.change === this.#change) return;
    record.change = this.#change;
    this.#staged.push({ record, id: record.id, node: record.node, parent: record.parent });
  }

  /** A store node came in, or took the place of an older one of the same id. */
  #arrive(node: StoreNode, chain: readonly StoreNode[]): void {
    const id = node[STORE_ID_KEY];
    let record = this.#byId.get(id);
    if (record === undefined) {
      if (!this.#isComplete) return;
      record = createStoreRecord(id);
      this.#byId.set(id, record);
    }
    const parent = this.#ensureChain(chain);
    this.#stage(record);
    record.node = node;
    record.parent = parent;
    record.id = id;
    record.markers = undefined;
    // The older id stays known until the commit: what it stood for may yet be removed by a later op.
    this.#byIdentity.set(record.id, record);
  }

  /** Stores of `value` that have not come back elsewhere are gone. Below an unrecorded store there are no records. */
  #leave(value: JsonValue, kept: ReadonlySet<StoreNode> | undefined): void {
    walkStores(value, [], (node) => {
      if (kept?.has(node)) return false;
      const record = this.#byIdentity.get(node[STORE_ID_KEY]);
      if (record === undefined) return false;
      if (record.node === node) {
        this.#stage(record);
        record.node = undefined;
      }
      return true;
    });
  }

  #detach(record: StoreRecord): void {
    this.#byIdentity.delete(record.id);
    record.parent = undefined;
    record.streams = undefined;
    record.uploads = undefined;
    record.steps = undefined;
    record.markers = undefined;
    this.release(record);
  }

  /** The record of the innermost of the stores around a place; makes those that are missing. */
  #ensureChain(chain: readonly StoreNode[]): StoreRecord | undefined {
    const node = chain.at(-1);
    if (node === undefined) return undefined;
    const known = this.#byIdentity.get(node[STORE_ID_KEY]);
    if (known !== undefined) return known;
    const record = this.#adopt(node, this.#ensureChain(chain.slice(0, -1)));
    if (record.change !== this.#change) {
      record.change = this.#change;
      this.#staged.push({ record, id: record.id, node: undefined, parent: undefined });
    }
    return record;
  }

  /** Gives a node that has been in the tree all along its record. */
  #adopt(node: StoreNode, parent: StoreRecord | undefined): StoreRecord {
    const id = node[STORE_ID_KEY];
    const known = this.#byId.get(id);
    // A second node of one id breaks the contract; it gets a record of its own, found by identity only.
    const record = known === undefined || known.node !== undefined ? createStoreRecord(id) : known;
    if (known === undefined) this.#byId.set(id, record);
    record.id = id;
    record.node = node;
    record.parent = parent;
    this.#byIdentity.set(id, record);
    return record;
  }

  /** The markers of the store around the current op may have moved. */
  #forgetMarkers(): void {
    const around = this.#path.at(-1);
    const record = around === undefined ? undefined : this.#byIdentity.get(around[STORE_ID_KEY]);
    if (record !== undefined) record.markers = undefined;
  }
}
