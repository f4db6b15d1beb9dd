import type { Clock } from "@musubi/protocol";
import type { PubSub } from "../channels/pubsub.js";
import type { Logger } from "../logger.js";
import type { RootUploads } from "../uploads/root-uploads.js";
import type { AsyncPool } from "./async/async-pool.js";
import type { Cycle } from "./cycle.js";
import type { Instance } from "./instance.js";
import type { StoreMessage } from "./root-message.js";
import type { ErasedHooks } from "./run-hooks.js";

/** Work done by a root, counted: for tests of growth and for devtools. */
export interface RenderCounts {
  /** Calls of a store's `render`. */
  renders: number;
  /** Values visited while turning what renders returned into JSON. */
  values: number;
}

/** What every store of one root shares. */
export interface RootScope {
  readonly rootId: string;
  /** Of the root store. */
  readonly module: string;
  readonly user: unknown;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pubsub: PubSub;
  /** Freezes assigns, in development. */
  readonly freeze: boolean;
  /** Hooks for all stores. */
  readonly hooks: readonly ErasedHooks[];
  readonly counts: RenderCounts;
  /** How long async work may take where it does not say, in milliseconds. */
  readonly asyncTimeoutMs: number;
  /** Messages that may wait for this root, and async work for a place. */
  readonly maxMailbox: number;
  /** Timers, subscriptions and async work that one store has open. */
  readonly maxResources: number;
  /** The cycle of the message that is being handled. */
  cycle: Cycle | null;
  /** A `render` is on the stack: nothing may change. */
  rendering: boolean;
  nextRef(): string;
  /** The places of this root's async work; made when first asked for. */
  asyncPool(): AsyncPool;
  /** The uploads of this root; made when first asked for. */
  uploads(): RootUploads;
  /** The store that had this key before the message that is being handled. */
  storeAt(key: string): Instance | undefined;
  /** Puts a message of a store into the mailbox. An info is dropped if its resource has been closed by its turn. */
  deliver(message: StoreMessage): void;
}
