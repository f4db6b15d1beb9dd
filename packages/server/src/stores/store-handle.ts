import { MusubiError, type StoreId, storeIdKey } from "@musubi/protocol";
import type { Unsubscribe } from "../channels/pubsub.js";
import type { Logger } from "../logger.js";
import { assignAsync, cancelAsync, startAsync, streamAsync } from "./async/async-starts.js";
import type { AsyncFunction, AsyncOptions, AsyncValueOptions } from "./async/async-work.js";
import type { Cycle } from "./cycle.js";
import { deepFreeze } from "./deep-freeze.js";
import type { Assigns } from "./erased.js";
import { hasFunction, type Instance } from "./instance.js";
import { Rejection } from "./rejection.js";
import { closeResource, MAX_DELAY_MS, openResource, type Resource } from "./resource.js";
import { StreamOps } from "./stream-ops.js";
import { toJson } from "./write-json.js";

/**
 * What code of a store gets as `ctx` for one message. Every member throws `stale_context` once the message is over,
 * so that work left behind by it changes nothing.
 */
export class StoreHandle {
  readonly #cycle: Cycle;
  readonly #instance: Instance;
  #params: { readonly value: unknown } | null = null;

  constructor(cycle: Cycle, instance: Instance) {
    this.#cycle = cycle;
    this.#instance = instance;
  }

  get module(): string {
    return this.#instance.store.module;
  }

  get commandId(): number | null {
    return this.#cycle.commandId;
  }

  get id(): string {
    return this.#instance.id;
  }

  get storeId(): StoreId {
    return this.#instance.storeId;
  }

  get logger(): Logger {
    return this.#instance.scope.logger;
  }

  get user(): unknown {
    return this.#instance.scope.user;
  }

  get signal(): AbortSignal {
    return this.#cycle.signal;
  }

  get assigns(): Assigns {
    this.#live();
    return this.#instance.state.assigns;
  }

  get params(): unknown {
    this.#live();
    this.#params ??= { value: this.#guard(this.#instance.state.params) };
    return this.#params.value;
  }

  assign(partial: Assigns): void {
    const cycle = this.#live();
    const { assigns } = this.#instance.state;
    const changed = Object.keys(partial).some((key) => !Object.is(assigns[key], partial[key]) || !(key in assigns));
    if (!changed) return;
    const next = { ...assigns, ...partial };
    cycle.touch(this.#instance).assigns = this.#instance.scope.freeze ? deepFreeze(next) : next;
    cycle.dirty.add(this.#instance);
  }

  reject(reason: string, details?: object): never {
    throw new Rejection(reason, details);
  }

  refuse(reason: string, details?: object): never {
    throw new Rejection(reason, details);
  }

  stream(name: string): StreamOps {
    this.#live();
    const stream = this.#instance.streams.get(name);
    if (stream !== undefined) return new StreamOps(() => this.#live(), this.#instance, name, stream);
    throw new MusubiError("invalid_usage", `${this.#instance.label} defines no stream called "${name}"`);
  }

  pushEvent(name: string, payload: unknown): void {
    const cycle = this.#live();
    if (!this.#instance.definition.events.has(name)) {
      throw new MusubiError("invalid_usage", `${this.#instance.label} defines no event called "${name}"`);
    }
    const json = toJson(payload, `the payload of the event "${name}"`);
    cycle.events.push({ name, payload: json, store_id: this.#instance.storeId });
  }

  publish(topic: string, message: unknown): void {
    const { pubsub } = this.#instance.scope;
    this.#live().onCommit(() => pubsub.publish(topic, message));
  }

  send(name: string, message?: unknown): void {
    const instance = this.#instance;
    this.#checkInfo(name);
    this.#live().onCommit(() => deliverInfo(instance, name, message, null));
  }

  sendUpdate(storeId: StoreId, assigns: Assigns): void {
    const { scope } = this.#instance;
    this.#live().onCommit(() => {
      const instance = scope.storeAt(storeIdKey(storeId));
      if (instance !== undefined) scope.deliver({ kind: "update", instance, assigns, answer: null });
    });
  }

  sendAfter(delayMs: number, name: string, message?: unknown): Unsubscribe {
    const instance = this.#instance;
    return this.#timer(delayMs, name, (resource) => {
      // Still open, so that its undo also reaches a message that waits; but nothing to release any more.
      instance.resources.delete(resource);
      resource.release = () => {};
      deliverInfo(instance, name, message, resource);
    });
  }

  sendEvery(periodMs: number, name: string, message?: unknown): Unsubscribe {
    const instance = this.#instance;
    const { clock } = instance.scope;
    const tick = (resource: Resource): void => {
      const timer = clock.setTimeout(() => tick(resource), periodMs);
      resource.release = () => clock.clearTimeout(timer);
      // A slow store gets one tick when it is ready, not all that it missed.
      if (resource.waiting) return;
      resource.waiting = true;
      deliverInfo(instance, name, message, resource);
    };
    return this.#timer(periodMs, name, tick);
  }

  subscribe(topic: string, name: string): Unsubscribe {
    const cycle = this.#live();
    const instance = this.#instance;
    this.#checkInfo(name);
    const resource = openResource(cycle, instance);
    // At once rather than at the commit: what is published while the message runs must not be missed.
    resource.release = instance.scope.pubsub.subscribe(topic, (message) => {
      if (resource.open) deliverInfo(instance, name, message, resource);
    });
    return () => undo(instance, resource);
  }

  /** Returns the values to `mount` alone: a command that ends with this call answers nothing. */
  assignAsync(keys: string | readonly string[], fn: AsyncFunction<unknown>, options: AsyncValueOptions = {}): unknown {
    const values = assignAsync(this.#live(), this.#instance, keys, fn, options);
    if (this.#instance.state.node !== null) return undefined;
    return typeof keys === "string" ? values[keys] : values;
  }

  /** As {@link assignAsync}. */
  streamAsync(name: string, fn: AsyncFunction<unknown>, options: AsyncValueOptions = {}): unknown {
    const value = streamAsync(this.#live(), this.#instance, name, fn, options);
    return this.#instance.state.node === null ? value : undefined;
  }

  startAsync(name: string, fn: AsyncFunction<unknown>, options: AsyncOptions = {}): void {
    startAsync(this.#live(), this.#instance, name, fn, options);
  }

  cancelAsync(name: string): void {
    cancelAsync(this.#live(), this.#instance, name);
  }

  consumeUploadedEntries(name: string, consume: (entry: unknown, postpone: () => void) => unknown): Promise<unknown[]> {
    return this.#instance.scope.uploads().consume(this.#live(), this.#instance, name, consume);
  }

  cancelUpload(name: string, ref?: string): void {
    this.#instance.scope.uploads().cancel(this.#live(), this.#instance, name, ref);
  }

  #timer(delayMs: number, name: string, fire: (resource: Resource) => void): Unsubscribe {
    const cycle = this.#live();
    const instance = this.#instance;
    const { clock } = instance.scope;
    this.#checkInfo(name);
    if (!(delayMs >= 0 && delayMs <= MAX_DELAY_MS)) {
      throw new MusubiError("invalid_usage", `a timer waits 0 to ${MAX_DELAY_MS} ms, not ${delayMs}`);
    }
    const resource = openResource(cycle, instance);
    cycle.onCommit(() => {
      if (!resource.open) return;
      const timer = clock.setTimeout(() => fire(resource), delayMs);
      resource.release = () => clock.clearTimeout(timer);
    });
    return () => undo(instance, resource);
  }

  #checkInfo(name: string): void {
    if (this.#instance.definition.info.has(name)) return;
    throw new MusubiError("invalid_usage", `${this.#instance.label} has no info handler called "${name}"`);
  }

  /** Functions among the props work while this context does. */
  #guard(params: unknown): unknown {
    if (typeof params !== "object" || params === null || Array.isArray(params)) return params;
    const members = params as Readonly<Record<string, unknown>>;
    if (this.#instance.parent === null || !hasFunction(members)) return params;
    const guarded: Record<string, unknown> = {};
    for (const key of Object.keys(members)) {
      const member = members[key];
      guarded[key] =
        typeof member === "function"
          ? (...args: unknown[]): unknown => {
              this.#live();
              return member(...args);
            }
          : member;
    }
    return guarded;
  }

  #live(): Cycle {
    if (!this.#cycle.over) {
      if (this.#instance.scope.rendering) {
        throw new MusubiError(
          "invalid_usage",
          `${this.#instance.label} was used while a store renders: render is pure`,
        );
      }
      return this.#cycle;
    }
    throw new MusubiError(
      "stale_context",
      `a context of ${this.#instance.label} was used after its message had ended: await all work, or send a message`,
    );
  }
}

function deliverInfo(instance: Instance, name: string, message: unknown, resource: Resource | null): void {
  instance.scope.deliver({ kind: "info", instance, name, message, resource, answer: null });
}

/** Within a message the undo takes effect with its success; else at once. */
function undo(instance: Instance, resource: Resource): void {
  const { cycle } = instance.scope;
  if (cycle === null || cycle.over) closeResource(instance, resource);
  else cycle.onCommit(() => closeResource(instance, resource));
}
