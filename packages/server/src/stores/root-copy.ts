import {
  applyPatch,
  type Envelope,
  foldStreamOps,
  isStoreNode,
  type JsonValue,
  STORE_ID_KEY,
  type StoreId,
  type StreamEntry,
  storeIdKey,
} from "@musubi/protocol";

/** A root as a client holds it, by its envelopes alone (protocol.md sections 3 to 5); for tests of stores. */
export class RootCopy {
  version = 0;
  tree: JsonValue = null;
  #streams = new Map<string, readonly StreamEntry[]>();

  /** Applies the next envelope. Throws for one that does not follow. */
  apply(envelope: Envelope): void {
    const { base_version, version, ops, stream_ops } = envelope;
    if (base_version === 0) [this.version, this.tree, this.#streams] = [0, null, new Map()];
    if (base_version !== this.version || version !== base_version + 1) {
      throw new Error(`gap: an envelope ${base_version} to ${version} upon ${this.version}`);
    }
    this.tree = applyPatch(this.tree, ops);
    this.version = version;
    for (const op of stream_ops) {
      const key = streamKey(op.store_id, op.stream);
      this.#streams.set(key, foldStreamOps(this.#streams.get(key) ?? [], [op]));
    }
    // A store that has left takes its streams with it (protocol.md section 5).
    if (this.#streams.size === 0) return;
    const present = storeKeys(this.tree);
    for (const key of this.#streams.keys()) {
      if (!present.has(key.slice(0, key.lastIndexOf(" ")))) this.#streams.delete(key);
    }
  }

  /** The items of a stream. */
  items(storeId: StoreId, stream: string): JsonValue[] {
    return (this.#streams.get(streamKey(storeId, stream)) ?? []).map(({ item }) => item);
  }
}

function streamKey(storeId: StoreId, stream: string): string {
  return `${storeIdKey(storeId)} ${stream}`;
}

/** The keys of all stores in a tree. */
function storeKeys(value: JsonValue, found: Set<string> = new Set()): Set<string> {
  if (typeof value !== "object" || value === null) return found;
  if (isStoreNode(value)) found.add(storeIdKey(value[STORE_ID_KEY]));
  for (const member of Object.values(value)) storeKeys(member, found);
  return found;
}
