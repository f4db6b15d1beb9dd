import type { AnyRegistry, MusubiConnection, StoreProxy } from "@musubi/client";

/** A store of whatever type: types are put on by `createMusubi`, and looked at nowhere below it. */
export type AnyStore = StoreProxy<string, AnyRegistry>;

/** A connection to whatever stores. */
export type AnyConnection = MusubiConnection<AnyRegistry>;
