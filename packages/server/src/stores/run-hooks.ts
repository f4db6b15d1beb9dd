import { type JsonObject, MusubiError } from "@musubi/protocol";
import type { Cycle } from "./cycle.js";
import {
  type CommandCall,
  Halt,
  type MessageReport,
  type RenderedStore,
  type RootWork,
  type StoreHooks,
} from "./hooks.js";
import type { Instance } from "./instance.js";
import { type MaybePromise, thenDo } from "./maybe-promise.js";
import type { RootScope } from "./root-scope.js";
import type { StoreHandle } from "./store-handle.js";

/** Whose user it is, the app says: here it is of any type. */
type AnyUser<T> = Omit<T, "user"> & { readonly user: unknown };

/** Hooks without their types. */
export interface ErasedHooks extends Omit<StoreHooks<StoreHandle>, "afterRender"> {
  afterRender?(rendered: AnyUser<RenderedStore>): void;
  readonly around?: (<T>(work: RootWork, run: () => Promise<T>) => Promise<T>) | undefined;
  afterMessage?(report: AnyUser<MessageReport>): void;
}

/** The hooks of an instance, those for all stores first. */
function hooksOf({ scope, definition }: Instance): readonly ErasedHooks[] {
  if (definition.hooks === null) return scope.hooks;
  return scope.hooks.length === 0 ? [definition.hooks] : [...scope.hooks, definition.hooks];
}

export function hasHooks({ scope, definition }: Instance): boolean {
  return definition.hooks !== null || scope.hooks.some(isOfStores);
}

/** Not those that hear of messages alone, as metrics and traces do: they cost stores nothing. */
function isOfStores(hooks: ErasedHooks): boolean {
  return "beforeMount" in hooks || "beforeCommand" in hooks || "afterCommand" in hooks || "afterRender" in hooks;
}

/** Runs what comes before a mount. */
export function beforeMount(cycle: Cycle, instance: Instance, params: unknown): MaybePromise<unknown> {
  if (!hasHooks(instance)) return undefined;
  return inTurn(cycle, hooksOf(instance), (hook) => hook.beforeMount?.(cycle.handle(instance), params));
}

/** Runs a command's handler between its hooks; `toReply` turns what it or a halt gives into the reply. */
export function aroundCommand(
  cycle: Cycle,
  instance: Instance,
  call: CommandCall,
  handler: () => unknown,
  toReply: (result: unknown) => JsonObject,
): MaybePromise<JsonObject> {
  const hooks = hooksOf(instance);
  const ctx = cycle.handle(instance);
  return thenDo(
    inTurn(cycle, hooks, (hook) => hook.beforeCommand?.(ctx, call)),
    (halted) =>
      thenDo(halted === null ? handler() : halted.reply, (result) => {
        const reply = toReply(result);
        return thenDo(
          inTurn(cycle, hooks, (hook) => hook.afterCommand?.(ctx, call, reply)),
          () => reply,
        );
      }),
  );
}

/** Runs a piece of work within the server's hooks, the first one outermost. */
export function around<T>({ hooks }: RootScope, work: () => RootWork, run: () => Promise<T>): Promise<T> {
  let next = run;
  for (const hook of hooks.toReversed()) {
    if (hook.around === undefined) continue;
    const inner = next;
    next = () => hook.around?.(work(), inner) ?? inner();
  }
  return next();
}

/** Tells hooks of what was rendered and sent. */
export function afterRender(cycle: Cycle): void {
  const { rootId, user } = cycle.scope;
  for (const instance of cycle.templates.keys()) {
    if (!hasHooks(instance)) continue;
    const { node, detached } = instance.state;
    if (node === null || detached) continue;
    const rendered = { module: instance.store.module, rootId, storeId: instance.storeId, user, node };
    tell(cycle.scope, hooksOf(instance), (hook) => hook.afterRender?.(rendered));
  }
}

/** Tells the server's hooks of a message that is done. */
export function afterMessage(scope: RootScope, report: () => AnyUser<MessageReport>): void {
  if (scope.hooks.length > 0) tell(scope, scope.hooks, (hook) => hook.afterMessage?.(report()));
}

function tell<H>(scope: RootScope, hooks: readonly H[], call: (hook: H) => void): void {
  for (const hook of hooks) {
    try {
      call(hook);
    } catch (cause) {
      scope.logger.error({ err: cause, rootId: scope.rootId }, "a hook failed");
    }
  }
}

/** One after the other, until one halts. */
function inTurn(
  cycle: Cycle,
  hooks: readonly ErasedHooks[],
  call: (hook: ErasedHooks) => unknown,
  at = 0,
): MaybePromise<Halt | null> {
  const hook = hooks[at];
  if (hook === undefined) return null;
  return thenDo(call(hook), (result) => {
    // The hook may have outlasted the message.
    if (cycle.over) throw cycle.cancelled ?? new MusubiError("stale_context", "the message has ended");
    return result instanceof Halt ? result : inTurn(cycle, hooks, call, at + 1);
  });
}
