import type { AnyRegistry, MusubiConnection } from "../connect.js";
import type { StoreProxy } from "../types.js";

/** A store of whatever type: bindings put types on their own surface, and look at none below it. */
export type AnyStore = StoreProxy<string, AnyRegistry>;

/** A connection to whatever stores. */
export type AnyConnection = MusubiConnection<AnyRegistry>;
