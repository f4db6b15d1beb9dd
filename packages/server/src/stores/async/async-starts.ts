import { MusubiError } from "@musubi/protocol";
import type { Cycle } from "../cycle.js";
import { deepFreeze } from "../deep-freeze.js";
import type { Instance } from "../instance.js";
import { thenDo } from "../maybe-promise.js";
import { StreamPlaceholder } from "../placeholders.js";
import { MAX_DELAY_MS } from "../resource.js";
import { cancelSlot, startWork } from "./async-slots.js";
import { AsyncValue } from "./async-value.js";
import type { AsyncFunction, AsyncOptions, AsyncOutcome, AsyncValueOptions } from "./async-work.js";

type Values = Readonly<Record<string, AsyncValue<unknown>>>;

/** Loads assigns: they are loading from now on, and take what `call` returns. With several keys it returns an object. */
export function assignAsync(
  cycle: Cycle,
  instance: Instance,
  keys: string | readonly string[],
  call: AsyncFunction<unknown>,
  options: AsyncValueOptions,
): Values {
  const slots = typeof keys === "string" ? [keys] : keys;
  const label = `the async value "${slots.join('", "')}" of ${instance.label}`;
  startWork(cycle, instance, {
    name: slots.join(","),
    label,
    slots,
    timeoutMs: timeoutOf(instance, options),
    hasHandler: false,
    call: (signal) =>
      thenDo(call(signal), (value) => (typeof keys === "string" ? { [keys]: value } : membersOf(value, keys))),
    take: (at, outcome, held) => setValues(at, instance, held, (key) => valueOf(instance, key, outcome)),
  });
  return setValues(cycle, instance, slots, (key) =>
    AsyncValue.loading(options.reset === true ? null : last(instance, key)),
  );
}

/** Loads the items of a stream, with an assign of the stream's name for the state of that. */
export function streamAsync(
  cycle: Cycle,
  instance: Instance,
  name: string,
  call: AsyncFunction<unknown>,
  options: AsyncValueOptions,
): AsyncValue<unknown> {
  // Asked for first, since it refuses an unknown name.
  const stream = cycle.handle(instance).stream(name);
  startWork(cycle, instance, {
    name,
    label: `the async stream "${name}" of ${instance.label}`,
    slots: [name],
    timeoutMs: timeoutOf(instance, options),
    hasHandler: false,
    call,
    take(at, outcome) {
      if (outcome.status === "ok") at.handle(instance).stream(name).load(outcome.value);
      const shown = outcome.status === "ok" ? { ...outcome, value: new StreamPlaceholder(name) } : outcome;
      setValues(at, instance, [name], () => valueOf(instance, name, shown));
    },
  });
  if (options.reset === true) stream.reset();
  const values = setValues(cycle, instance, [name], () =>
    AsyncValue.loading(options.reset === true ? null : last(instance, name)),
  );
  return values[name] as AsyncValue<unknown>;
}

/** Runs a function whose result the store's handler of this name takes. */
export function startAsync(
  cycle: Cycle,
  instance: Instance,
  name: string,
  call: AsyncFunction<unknown>,
  options: AsyncOptions,
): void {
  const handler = instance.definition.async.get(name);
  if (handler === undefined) {
    throw new MusubiError("invalid_usage", `${instance.label} has no async handler called "${name}"`);
  }
  startWork(cycle, instance, {
    name,
    label: `the async "${name}" of ${instance.label}`,
    slots: [handlerSlot(name)],
    timeoutMs: timeoutOf(instance, options),
    hasHandler: true,
    call,
    take: (at, outcome) => handler(at.handle(instance), outcome),
  });
}

/** Gives up the assign, the stream and the handler's work of this name, where there are such. */
export function cancelAsync(cycle: Cycle, instance: Instance, name: string): void {
  cancelSlot(cycle, instance, handlerSlot(name));
  if (!cancelSlot(cycle, instance, name)) return;
  const reason = { reason: "cancelled", code: "cancelled" };
  setValues(cycle, instance, [name], () => AsyncValue.failed(reason, last(instance, name)));
}

/** Apart from the assigns, which have their own names. */
function handlerSlot(name: string): string {
  return `async ${name}`;
}

function setValues(
  cycle: Cycle,
  instance: Instance,
  keys: readonly string[],
  value: (key: string) => AsyncValue<unknown>,
): Values {
  const values = Object.fromEntries(keys.map((key) => [key, value(key)]));
  cycle.handle(instance).assign(values);
  return values;
}

function valueOf(instance: Instance, key: string, outcome: AsyncOutcome): AsyncValue<unknown> {
  if (outcome.status === "failed") return AsyncValue.failed(outcome.reason, last(instance, key));
  const value =
    outcome.value instanceof StreamPlaceholder ? outcome.value : (outcome.value as Record<string, unknown>)[key];
  return AsyncValue.ok(instance.scope.freeze ? deepFreeze(value) : value);
}

/** What was loaded before. */
function last(instance: Instance, key: string): unknown {
  const value = instance.state.assigns[key];
  return value instanceof AsyncValue ? value.result : null;
}

function membersOf(value: unknown, keys: readonly string[]): unknown {
  const missing = keys.find((key) => typeof value !== "object" || value === null || !Object.hasOwn(value, key));
  if (missing === undefined) return value;
  throw new MusubiError("invalid_usage", `what loads "${keys.join('", "')}" returned an object without "${missing}"`);
}

function timeoutOf(instance: Instance, { timeoutMs }: AsyncOptions): number | null {
  if (timeoutMs === undefined) return instance.scope.asyncTimeoutMs;
  if (timeoutMs === null || (timeoutMs >= 0 && timeoutMs <= MAX_DELAY_MS)) return timeoutMs;
  throw new MusubiError("invalid_usage", `timeoutMs is null or 0 to ${MAX_DELAY_MS}, not ${timeoutMs}`);
}
