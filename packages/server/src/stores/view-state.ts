import {
  type AsyncField,
  type FieldsOf,
  isStoreNode,
  isStreamMarker,
  isWireAsync,
  type JsonValue,
  STORE_ID_KEY,
  type StoreField,
  type StoreId,
  STREAM_KEY,
  type StreamField,
} from "@musubi/protocol";
import type { RootCopy } from "./root-copy.js";

/** A store's fields as a client reads them: children as their own fields, streams as arrays, async values as results. */
export type StateOf<Def> = { readonly [Name in keyof FieldsOf<Def>]: StateOfField<FieldsOf<Def>[Name]> };

type StateOfField<Field> = Field extends string | number | boolean | null | undefined
  ? Field
  : Field extends StoreField<infer Def>
    ? StateOf<Def>
    : Field extends StreamField<infer Item>
      ? readonly Item[]
      : Field extends AsyncField<infer Value, infer Reason>
        ? {
            readonly status: "loading" | "ok" | "failed";
            readonly data: StateOfField<Value> | null;
            readonly error: Reason | null;
          }
        : Field extends object
          ? { readonly [Name in keyof Field]: StateOfField<Field[Name]> }
          : Field;

/** What a client reads for a value of the tree that lies in the store `owner`. Upload slots stay markers. */
export function stateOf(copy: RootCopy, value: JsonValue, owner: StoreId): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((member) => stateOf(copy, member, owner));
  if (isStreamMarker(value)) return copy.items(owner, value[STREAM_KEY]);
  if (isWireAsync(value)) {
    return { status: value.status, data: stateOf(copy, value.result, owner), error: value.reason };
  }
  const store = isStoreNode(value) ? value[STORE_ID_KEY] : owner;
  const state: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (name !== STORE_ID_KEY) state[name] = stateOf(copy, member, store);
  }
  return state;
}
