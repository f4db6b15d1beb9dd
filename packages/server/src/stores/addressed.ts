import type { StoreId } from "@musubi/protocol";
import type { AssignsOf, MessagesOf } from "./context-of.js";
import type { MessageArgs, MessageName } from "./messages.js";
import type { None } from "./none.js";
import type { RootAddress, RootPair } from "./root-registry.js";
import type { AnyStore } from "./store-types.js";

// What `send` and `sendUpdate` of a server take, from the stores that it serves. Of stores below a root nothing is
// known: a server need not even be told of them.

/** Of a server whose stores are not known any store may be meant. */
type StoreOf<Stores extends readonly AnyStore[], Module> = string extends Stores[number]["module"]
  ? AnyStore
  : Extract<Stores[number], { readonly module: Module }>;

/** A pair whose module the server serves. */
export interface PairIn<Stores extends readonly AnyStore[]> extends RootPair {
  readonly module: Stores[number]["module"];
}

/** An address whose module the server serves. */
export interface AddressIn<Stores extends readonly AnyStore[]> extends RootAddress {
  readonly module: Stores[number]["module"];
}

/** Names of what `info` takes at an address. */
export type MessageNameAt<Stores extends readonly AnyStore[], Address> = MessageName<MessagesAt<Stores, Address>>;

/** What follows such a name. */
export type MessageArgsAt<Stores extends readonly AnyStore[], Address, Name> = MessageArgs<
  MessagesAt<Stores, Address>,
  Name
>;

type MessagesAt<Stores extends readonly AnyStore[], Address> = Address extends { readonly module: infer Module }
  ? Address extends { readonly storeId: readonly [string, ...string[]] | string[] }
    ? None
    : MessagesOf<StoreOf<Stores, Module>>
  : None;

/** Some assigns of the store of this id: of the root, whose id is `[]`, or of any other. */
export type AssignsAt<Stores extends readonly AnyStore[], Pair, Id extends StoreId> = Id extends readonly []
  ? Pair extends { readonly module: infer Module }
    ? Partial<AssignsOf<StoreOf<Stores, Module>>>
    : never
  : Readonly<Record<string, unknown>>;
