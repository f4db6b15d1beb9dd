import { MusubiError } from "@musubi/protocol";
import type { Cycle } from "./cycle.js";
import { deepFreeze } from "./deep-freeze.js";
import type { Assigns } from "./erased.js";
import type { Instance } from "./instance.js";
import { isThenable, type MaybePromise, thenDo } from "./maybe-promise.js";
import { renderInstance } from "./render-instance.js";
import { beforeMount } from "./run-hooks.js";
import { invalidValue, validate } from "./schema.js";
import { terminateStore } from "./terminate-store.js";

/** Renders of one cycle after which it counts as endless: callbacks of mounts that change their parents for ever. */
const MAX_PASSES = 100;

/**
 * Renders what changed until nothing is left to render; new children mount concurrently on the way. Ends
 * synchronously when no mount and no schema is asynchronous.
 */
export function settle(cycle: Cycle, pass = 0): MaybePromise<void> {
  if (cycle.dirty.size === 0) return undefined;
  if (pass === MAX_PASSES) {
    throw new MusubiError("invalid_usage", `stores changed each other in ${MAX_PASSES} renders of one message`);
  }
  const pending: PromiseLike<unknown>[] = [];
  // Parents first: what they render can change the props of their children, or take them out.
  for (const instance of [...cycle.dirty].sort((a, b) => a.depth - b.depth)) {
    if (cycle.dirty.delete(instance)) start(pending, () => renderSubtree(cycle, instance));
  }
  return thenDo(all(pending), () => settle(cycle, pass + 1));
}

/** Mounts a store and renders it with everything below it. The root's `raw` params come from its client. */
export function mountStore(cycle: Cycle, instance: Instance, validated: MaybePromise<unknown>): MaybePromise<void> {
  return thenDo(validated, (params) => {
    ensureLive(cycle);
    cycle.touch(instance).params = params;
    const handle = cycle.handle(instance);
    return thenDo(beforeMount(cycle, instance, handle.params), () =>
      thenDo(instance.definition.mount(handle, handle.params), (assigns) => takeAssigns(cycle, instance, assigns)),
    );
  });
}

function takeAssigns(cycle: Cycle, instance: Instance, assigns: Assigns): MaybePromise<void> {
  if (typeof assigns !== "object" || assigns === null) {
    throw new MusubiError("invalid_usage", `mount of ${instance.label} returns its assigns, an object`);
  }
  const { freeze } = instance.scope;
  if (instance.state.async.size > 0) {
    // Values that mount has begun to load are assigns, whether or not it returned them, and need no second render.
    assigns = { ...assigns, ...instance.state.assigns };
    cycle.dirty.delete(instance);
  }
  if (cycle.over) {
    // Given up while it mounted: it has to let go of what it opened, but never was in the tree.
    instance.state.assigns = assigns;
    void terminateStore(instance, "discarded");
    ensureLive(cycle);
  }
  instance.state.assigns = freeze ? deepFreeze(assigns) : assigns;
  cycle.mounted.push(instance);
  resetStaleStreams(cycle, instance);
  return renderSubtree(cycle, instance);
}

/** Renders one store, mounts its new children and checks the props of those that got others. */
function renderSubtree(cycle: Cycle, instance: Instance): MaybePromise<void> {
  const { clock, hooks } = cycle.scope;
  const begun = hooks.length === 0 ? null : clock.now();
  const { fresh, changed } = renderInstance(cycle, instance);
  if (begun !== null) cycle.renderMs += clock.now() - begun;
  const pending: PromiseLike<unknown>[] = [];
  for (const child of changed) {
    start(pending, () =>
      thenDo(checkProps(child), (params) => {
        ensureLive(cycle);
        cycle.touch(child).params = params;
        cycle.dirty.add(child);
      }),
    );
  }
  for (const child of fresh) start(pending, () => mountStore(cycle, child, checkProps(child)));
  return all(pending);
}

function checkProps(child: Instance): MaybePromise<unknown> {
  const { params } = child.definition;
  if (params === null) return {};
  return thenDo(validate(params, child.stableProps()), (result) => {
    if (result.valid) return result.value;
    throw invalidValue(`the props of ${child.label}`, result.issues);
  });
}

/** A store that takes the place of another with its id must not show the other's items. */
function resetStaleStreams(cycle: Cycle, instance: Instance): void {
  const before = cycle.scope.storeAt(instance.key);
  if (before === undefined || before === instance) return;
  // All of them: one that this store has not got must not show in the next store with the id either. Ahead of what the
  // mount itself has inserted.
  cycle.streamOps.unshift(
    ...Array.from(before.streams, ([stream, { ref }]) => ({
      instance,
      op: {
        op: "reset",
        stream,
        ref: instance.streams.get(stream)?.ref ?? ref,
        store_id: instance.storeId,
      } as const,
    })),
  );
}

/** Every piece of work is started, so that none is left alone when an earlier one fails. */
function start(pending: PromiseLike<unknown>[], work: () => MaybePromise<unknown>): void {
  try {
    const result = work();
    if (isThenable(result)) pending.push(result);
  } catch (cause) {
    pending.push(Promise.reject(cause));
  }
}

function all(pending: readonly PromiseLike<unknown>[]): MaybePromise<void> {
  return pending.length === 0 ? undefined : Promise.all(pending).then(() => undefined);
}

function ensureLive(cycle: Cycle): void {
  if (cycle.over) throw cycle.cancelled ?? new MusubiError("stale_context", "the message has ended");
}
