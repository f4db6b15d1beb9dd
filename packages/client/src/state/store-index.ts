import { type JsonValue, type PatchOp, STORE_ID_KEY, type StoreId, type StoreNode, type Trail } from "@musubi/protocol";
import { StoreIdMap } from "./store-id-map.js";
import { StoreRecord, type Unseen } from "./store-record.js";
import { type Chain, findBelow, follow, isStoreLike, type Steps, walkStores } from "./walk-stores.js";

/** Where a store was when it came in, or was found by a walk; it may have moved or left since. */
interface Place {
  readonly id: StoreId;
  readonly around: Place | undefined;
  readonly steps: readonly Steps[];
}

/** The former node of a record that changed whatever it had. */
const OTHER: object = {};

/**
 * Which records stand for which store nodes, kept while a tree is rewritten: it hears of each op what that led
 * through and what came and went at the end, so its cost follows the change and never the tree.
 *
 * Only stores that somebody asked for have records, and the stores around those. The first look-up by id that finds
 * none walks the tree once, and from then on the places of all stores are kept, which are not followed as they move.
 *
 * A change is staged until `commit`. To undo one, say that the former tree replaced it. It owns neither the tree nor what listeners are told.
 */
export class StoreIndex {
  readonly unseen: Unseen = { left: 0 };
  readonly root: StoreRecord = new StoreRecord([], this.unseen);
  readonly #byId = new StoreIdMap<StoreRecord>();
  /** By identity of the id array, which shallow copies of a node keep. */
  readonly #byIdentity = new Map<StoreId, StoreRecord>();
  #places: StoreIdMap<Place> | undefined;
  /** How many more places may be added before they are found anew. */
  #placesLeft = 0;
  /** The records that the current change affects. */
  #staged: StoreRecord[] | undefined;
  #change = 1;

  constructor() {
    this.#byId.set([], this.root);
  }

  /** The record of a store that is in `tree`, or was asked for before. */
  find(id: StoreId, tree: JsonValue | undefined): StoreRecord | undefined {
    const record = this.#byId.get(id);
    if (record !== undefined || tree === undefined) return record;
    if (this.#places === undefined) {
      this.#places = new StoreIdMap();
      this.#placesLeft = 0;
      walkStores(tree, null, this.#place);
      this.#placesLeft = 1000 - this.#placesLeft;
    }
    const place = this.#places.get(id);
    return place && this.#recordAt(place);
  }

  /** As `find`, but makes a record for a store that is not there, so that its coming can be heard of. */
  obtain(id: StoreId, tree: JsonValue | undefined): StoreRecord {
    let record = this.find(id, tree);
    if (record === undefined) {
      record = new StoreRecord(id, this.unseen);
      this.#byId.set(id, record);
    }
    return record;
  }

  /** The record of a node that is in the tree, right below `parent`. */
  recordOf(node: StoreNode, parent: StoreRecord | undefined): StoreRecord {
    const id = node[STORE_ID_KEY];
    const known = this.#byIdentity.get(id);
    if (known !== undefined) return known;
    let record = this.#byId.get(id);
    // A second node of one id breaks the contract; it gets a record of its own, found by identity only.
    if (record?.unseenNode !== undefined) record = new StoreRecord(id, this.unseen);
    else if (record === undefined) this.#byId.set(id, (record = new StoreRecord(id, this.unseen)));
    record.id = id;
    record.unseenNode = node;
    record.parent = parent;
    this.#byIdentity.set(id, record);
    return record;
  }

  /** The records of stores that are in the tree. */
  present(): Iterable<StoreRecord> {
    return this.#byIdentity.values();
  }

  /** Forgets a record that nobody waits for any more and that is not in the tree. */
  release(record: StoreRecord): void {
    if (record.unseenNode !== undefined || record === this.root || record.isWanted) return;
    if (this.#byId.get(record.id) === record) this.#byId.delete(record.id);
  }

  /** A store's node was changed, or copied. */
  renew(record: StoreRecord, node: StoreNode): void {
    this.#stage(record);
    record.formerNode = OTHER;
    record.unseenNode = node;
  }

  /** An op that is not of the root was applied to a draft. What is around is looked at first. */
  applied(trail: Trail, op: PatchOp): void {
    let end = trail;
    while (end.below !== undefined) end = end.below;
    const removed = end.removed ?? 0;
    const arrived = op.op === "remove" ? 0 : op.value;
    const hasLeft = typeof removed === "object";
    const hasArrived = typeof arrived === "object" && arrived !== null;
    let around: StoreRecord | undefined = this.root;
    this.renew(around, trail.node as StoreNode);
    // Below an unrecorded store there are no records.
    for (let at = trail.below; at && around; at = at.below) {
      const { node } = at;
      if (Array.isArray(node) || !isStoreLike(node)) continue;
      around = this.#byIdentity.get(node[STORE_ID_KEY]);
      if (around) this.renew(around, node);
    }
    if (!hasLeft && !hasArrived) return;
    if (around !== undefined) {
      // The markers of the store around may have moved.
      around.markers = undefined;
      // Stores that do not come back elsewhere are gone.
      if (hasLeft) walkStores(removed, true, this.#leave);
    }
    // Places that were left are found out when somebody looks there, or all at once when they are too many.
    if (this.#placesLeft < 0) this.#places = undefined;
    if (hasArrived && (!this.#byId.holdsOnlyRoot || this.#places !== undefined)) {
      let chain: Chain | null = null;
      for (let at: Trail | undefined = trail; at !== undefined; at = at.below) {
        if (isStoreLike(at.node)) chain = { node: at.node, around: chain };
      }
      walkStores(arrived, chain, this.#arrive);
    }
  }

  /** The whole tree was replaced. */
  replaced(next: StoreNode): void {
    this.#places = undefined;
    for (const record of this.#byIdentity.values()) {
      this.#stage(record);
      record.unseenNode = undefined;
    }
    this.#byIdentity.clear();
    if (this.#byId.holdsOnlyRoot) this.#arrive(next, null, [], 0);
    else walkStores(next, null, this.#arrive);
  }

  /** Makes the staged change real. Returns the records of stores that changed, came or left. */
  commit(): readonly StoreRecord[] {
    const staged = this.#staged ?? [];
    this.#staged = undefined;
    this.#change++;
    let touched = 0;
    for (let at = 0; at < staged.length; at++) {
      const record = staged[at] as StoreRecord;
      const { id, formerId, formerNode, unseenNode } = record;
      if (formerId !== id) {
        if (this.#byIdentity.get(formerId) === record) this.#byIdentity.delete(formerId);
        record.formerId = id;
      }
      record.formerNode = undefined;
      if (unseenNode === undefined) this.#detach(record);
      if (unseenNode !== formerNode) staged[touched++] = record;
    }
    if (touched < staged.length) staged.length = touched;
    return staged;
  }

  /** To be called before a record is written to. */
  #stage(record: StoreRecord): void {
    if (record.change === this.#change) return;
    record.change = this.#change;
    record.formerNode = record.unseenNode;
    // Not an empty list to push to: that would make room for many, and most changes are of one or two stores.
    if (this.#staged) this.#staged.push(record);
    else this.#staged = [record];
  }

  /** Keeps where a store node is, if that is kept at all. */
  readonly #place = (node: StoreNode, around: Chain | null, steps: Steps, from: number): Chain => {
    const id = node[STORE_ID_KEY];
    const places = this.#places;
    places?.set(id, {
      id,
      around: around ? places.get(around.node[STORE_ID_KEY]) : undefined,
      steps: [steps.slice(from)],
    });
    this.#placesLeft -= 1;
    return { node, around };
  };

  /** A store node came in, or took the place of an older one of the same id. */
  readonly #arrive = (node: StoreNode, around: Chain | null, steps: Steps, from: number): Chain => {
    const id = node[STORE_ID_KEY];
    const record = this.#byId.get(id);
    if (record !== undefined) {
      const parent = this.#ensureChain(around);
      this.#stage(record);
      record.unseenNode = node;
      record.parent = parent;
      record.id = id;
      record.markers = undefined;
      // The older id stays known until the commit: what it stood for may yet be removed by a later op.
      this.#byIdentity.set(id, record);
    }
    return this.#place(node, around, steps, from);
  };

  /** A store node left; what is below an unrecorded one is left out. */
  readonly #leave = (node: StoreNode): true | undefined => {
    const record = this.#byIdentity.get(node[STORE_ID_KEY]);
    if (record?.unseenNode === node) {
      this.#stage(record);
      record.unseenNode = undefined;
    }
    return record && true;
  };

  /** The record of the store that a place was of, if it still is below the store that was around it. */
  #recordAt({ id, around, steps }: Place): StoreRecord | undefined {
    const known = this.#byIdentity.get(id);
    if (known !== undefined || around === undefined) return known;
    const parent = this.#recordAt(around);
    if (parent?.unseenNode === undefined) return undefined;
    const isSought = (value: JsonValue | undefined): boolean =>
      (value as StoreNode | null | undefined)?.[STORE_ID_KEY] === id;
    const [found] = findBelow(parent.unseenNode, steps, isSought);
    return found && this.recordOf(follow(parent.unseenNode, found) as StoreNode, parent);
  }

  #detach(record: StoreRecord): void {
    this.#byIdentity.delete(record.id);
    record.parent = record.streams = record.uploads = record.steps = record.markers = undefined;
    this.release(record);
  }

  /** The record of the innermost store of a chain; makes those that are missing. */
  #ensureChain(chain: Chain | null): StoreRecord | undefined {
    if (chain === null) return undefined;
    const { node, around } = chain;
    return this.#byIdentity.get(node[STORE_ID_KEY]) ?? this.recordOf(node, this.#ensureChain(around));
  }
}
