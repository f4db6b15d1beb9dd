import type { Cycle } from "./cycle.js";
import { refusal } from "./failure.js";
import type { Instance } from "./instance.js";
import { Rejection } from "./rejection.js";

/** The longest delay that Node's timers take. */
export const MAX_DELAY_MS: number = 2 ** 31 - 1;

/** Something a store has open until it ends: a subscription, a timer or async work. */
export interface Resource {
  open: boolean;
  /** A tick of a periodic timer waits in the mailbox. */
  waiting: boolean;
  release(): void;
}

/** Opens a resource that a rolled back cycle closes again. Throws a rejection, `overloaded`, when there are too many. */
export function openResource(cycle: Cycle, instance: Instance): Resource {
  if (instance.resources.size >= instance.scope.maxResources) {
    throw new Rejection("overloaded", refusal("overloaded"));
  }
  const resource: Resource = { open: true, waiting: false, release: () => {} };
  instance.resources.add(resource);
  cycle.onRollback(() => closeResource(instance, resource));
  return resource;
}

/** Ends a resource; further calls do nothing. */
export function closeResource(instance: Instance, resource: Resource): void {
  if (!resource.open) return;
  resource.open = false;
  instance.resources.delete(resource);
  resource.release();
}

/** Ends everything that a store has open. */
export function closeResources(instance: Instance): void {
  // A Set can be emptied while it is walked.
  for (const resource of instance.resources) closeResource(instance, resource);
}
