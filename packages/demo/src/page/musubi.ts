import type { StoreProxy } from "@musubi/client";
import { createMusubi } from "@musubi/react";
// Only the types of the server's stores come here: none of its code.
import type { DemoStores } from "../server/musubi.js";

/** The board's root store, live. */
export type BoardStore = StoreProxy<"Demo.Board", DemoStores>;

export const { MusubiProvider, useMusubiCommand, useMusubiConnectionStatus, useMusubiRoot, useMusubiSnapshot } =
  createMusubi<DemoStores>();
