import type { Logger } from "../logger.js";
import { deepFreeze } from "./freeze.js";
import { Hydrator } from "./hydrate.js";
import type { StoreRecord } from "./store-record.js";
import type { StoreTree } from "./store-tree.js";

/**
 * Immutable plain views of stores (client.md rule 11): built when asked for, the identical object until something in
 * the store changes, with unchanged parts shared. Frozen in development.
 */
export class Snapshots {
  readonly #hydrator: Hydrator;
  readonly #logger: Logger;

  constructor(tree: StoreTree, logger: Logger) {
    this.#logger = logger;
    this.#hydrator = new Hydrator(tree, (node, record) =>
      this.#update(this.#hydrator.readMembers(node, record), record),
    );
  }

  /** The snapshot of a store; `undefined` while it is not in the tree. */
  read(record: StoreRecord): unknown {
    const { node } = record;
    if (node === undefined) return undefined;
    return deepFreeze(this.#hydrator.read(node, record.parent ?? record));
  }

  /** Lays what commands under way are expected to do over a store. An update that throws is reported and left out. */
  #update(state: unknown, record: StoreRecord): unknown {
    let shown = state;
    for (const update of record.updates ?? []) {
      try {
        shown = update(deepFreeze(shown));
      } catch (cause) {
        this.#logger.error("An optimistic update threw; it is left out.", cause);
      }
    }
    return shown;
  }
}
