import type { Cycle } from "../cycle.js";
import { refusal } from "../failure.js";
import type { Instance } from "../instance.js";
import { isThenable, type MaybePromise } from "../maybe-promise.js";
import { Rejection } from "../rejection.js";
import { closeResource } from "../resource.js";
import { AsyncRun } from "./async-run.js";
import type { AsyncWork } from "./async-work.js";

/** Async work of a store by what it is held under; the newest alone is waited for. */
export type AsyncSlots = ReadonlyMap<string, AsyncRun>;

export const NO_SLOTS: AsyncSlots = new Map();

/** Has work begin once the message has succeeded. Throws a rejection, `overloaded`, when too much waits already. */
export function startWork(cycle: Cycle, instance: Instance, work: AsyncWork): void {
  const { scope } = instance;
  if (scope.asyncPool().waiting >= scope.maxMailbox) throw new Rejection("overloaded", refusal("overloaded"));
  changeSlots(cycle, instance, work.slots, new AsyncRun(instance, work));
}

/** Stops waiting for what is held under a slot; its handler, if it has one, gets `cancelled`. Whether there was any. */
export function cancelSlot(cycle: Cycle, instance: Instance, slot: string): boolean {
  const run = instance.state.async.get(slot);
  if (run === undefined || run.isOver) return false;
  if (run.work.hasHandler) cycle.onCommit(() => run.cancel());
  else changeSlots(cycle, instance, [slot], null);
  return true;
}

/** Hands the result to the store, unless something newer has taken its place meanwhile. */
export function takeResult(cycle: Cycle, run: AsyncRun): MaybePromise<unknown> {
  const { instance, work, outcome } = run;
  const slots = work.slots.filter((slot) => instance.state.async.get(slot) === run);
  if (outcome === null || slots.length === 0) return undefined;
  // Its function is through, but a start or a cancel by the handler must not find it here.
  changeSlots(cycle, instance, slots, null);
  const taking = work.take(cycle, outcome, slots);
  return isThenable(taking) ? taking : undefined;
}

/** Ends a result whose message failed and was rolled back; one that could not be shown comes again as a failure. */
export function failResult(run: AsyncRun, cause: unknown): void {
  const { instance } = run;
  run.failed(cause);
  if (!run.isOver) return;
  closeResource(instance, run);
  instance.state.async = new Map([...instance.state.async].filter(([, held]) => held !== run));
}

/** Changes what is held; a cycle that is rolled back has changed and begun nothing. */
function changeSlots(cycle: Cycle, instance: Instance, slots: readonly string[], run: AsyncRun | null): void {
  const state = cycle.touch(instance);
  const held = new Map(state.async);
  for (const slot of slots) {
    if (run === null) held.delete(slot);
    else held.set(slot, run);
  }
  const before = cycle.before(instance)?.async;
  if (state.async === before) cycle.onCommit(() => reconcile(instance, before));
  state.async = held;
}

/** Lets go of what is held no more, and begins what is held since. */
function reconcile(instance: Instance, before: AsyncSlots): void {
  const held = new Set(instance.state.async.values());
  for (const run of new Set(before.values())) if (!held.has(run)) closeResource(instance, run);
  // Those of a store that has left in this very message end with it, before anything is called.
  for (const run of held) run.committed();
}
