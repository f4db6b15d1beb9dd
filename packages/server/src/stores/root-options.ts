import type { Clock } from "@musubi/protocol";
import type { PubSub } from "../channels/pubsub.js";
import type { Logger } from "../logger.js";
import type { UploadService } from "../uploads/upload-service.js";
import type { HeldTotal, Outflow } from "./outlet/outlet.js";
import type { SlowClients } from "./outlet/slow-clients.js";
import type { RenderCounts } from "./root-scope.js";
import type { RootState } from "./root-state.js";
import type { ErasedHooks } from "./run-hooks.js";
import type { RunLimits } from "./run-message.js";
import type { AnyStore } from "./store-types.js";

/** What a root needs of the world. */
export interface RootEnvironment extends RunLimits {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pubsub: PubSub;
  /** Freezes assigns, in development. */
  readonly freeze: boolean;
  /** Messages that may wait in one root's mailbox. */
  readonly maxMailbox: number;
  /** Pieces of async work of one root that run at once. */
  readonly maxAsync: number;
  /** Timers, subscriptions and async work that one store has open. */
  readonly maxResources: number;
  readonly slowClients: SlowClients;
  /** Hooks for all stores. */
  readonly hooks: readonly ErasedHooks[];
  /** What the stores need that declare uploads. */
  readonly uploads?: UploadService;
}

/** Which root, for whom, and where its messages go. */
export interface RootOptions {
  readonly store: AnyStore;
  readonly id: string;
  readonly rootId: string;
  /** As the client sent them. */
  readonly params: unknown;
  readonly user: unknown;
  readonly environment: RootEnvironment;
  readonly socket: Outflow;
  /** What the roots of the same connection hold. */
  readonly held: HeldTotal;
  /** Sends an event to the client. Must not throw. */
  push(event: string, payload: unknown): void;
  /** Called once, when the pair can be mounted again. */
  onRelease(): void;
}

/** A root as devtools and operators see it. */
export interface RootInspection {
  readonly rootId: string;
  readonly module: string;
  readonly id: string;
  readonly status: RootState["status"];
  /** Of the last envelope; 0 before the first. */
  readonly version: number;
  /** Messages that wait. */
  readonly waiting: number;
  readonly stores: number;
  /** Pieces of async work that run, or wait for a place. */
  readonly async: number;
  /** Its client reads too slowly: what changes is held back until it has caught up. */
  readonly isHolding: boolean;
  /** Stream ops, upload ops and events that are held back. */
  readonly held: number;
  readonly counts: RenderCounts;
}
