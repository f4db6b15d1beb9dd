import type { StoreProxy } from "@musubi/client";
import { createMusubi } from "@musubi/react";
// Only the types of the server's stores come here: none of its code.
import type { DemoStores } from "../server/musubi.js";

/** The board's root store, live. */
export type BoardStore = StoreProxy<"Demo.Board", DemoStores>;
/** The feed's root store, live. */
export type ActivityStore = StoreProxy<"Demo.Activity", DemoStores>;

export const {
  MusubiProvider,
  useMusubiAsync,
  useMusubiCommand,
  useMusubiConnection,
  useMusubiConnectionStatus,
  useMusubiEvent,
  useMusubiRoot,
  useMusubiRootSuspense,
  useMusubiSnapshot,
  useMusubiSnapshotSuspense,
  useMusubiStream,
  useMusubiUpload,
} = createMusubi<DemoStores>();
