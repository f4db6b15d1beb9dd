import type { Clock } from "@musubi/protocol";
import type { PubSub } from "../channels/pubsub.js";
import type { Logger } from "../logger.js";
import type { Cycle } from "./cycle.js";
import type { Instance } from "./instance.js";
import type { Resource } from "./resource.js";

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
  readonly user: unknown;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pubsub: PubSub;
  /** Freezes assigns, in development. */
  readonly freeze: boolean;
  readonly counts: RenderCounts;
  /** The cycle of the message that is being handled. */
  cycle: Cycle | null;
  /** A `render` is on the stack: nothing may change. */
  rendering: boolean;
  nextRef(): string;
  /** The store that had this key before the message that is being handled. */
  storeAt(key: string): Instance | undefined;
  /** Puts a message for `info[name]` into the mailbox. It is dropped if `resource` has been closed by its turn. */
  deliver(instance: Instance, name: string, message: unknown, resource: Resource | null): void;
}
