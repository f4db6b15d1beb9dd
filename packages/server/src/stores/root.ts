import {
  type JsonObject,
  type JsonValue,
  MusubiError,
  PATCH,
  ROOT_DOWN,
  type StoreId,
  storeIdKey,
} from "@musubi/protocol";
import { RootUploads } from "../uploads/root-uploads.js";
import { assemble } from "./assemble.js";
import { AsyncPool } from "./async/async-pool.js";
import { failResult } from "./async/async-slots.js";
import { Cycle } from "./cycle.js";
import { type EnvelopeParts, isEmpty, partsOf, toEnvelope } from "./envelope-parts.js";
import type { Assigns } from "./erased.js";
import { failureOf, refusal } from "./failure.js";
import type { MessageReport, RootWork } from "./hooks.js";
import { Instance } from "./instance.js";
import { Outlet } from "./outlet/outlet.js";
import {
  type Answer,
  addressOf,
  describeMessage,
  isAsked,
  type RootMessage,
  type StoreMessage,
} from "./root-message.js";
import type { RootEnvironment, RootInspection, RootOptions } from "./root-options.js";
import type { RootScope } from "./root-scope.js";
import { type CloseReason, nextRootState, type RootEffect, type RootEvent, type RootState } from "./root-state.js";
import { afterMessage, afterRender, around } from "./run-hooks.js";
import { runHandler, runMount } from "./run-message.js";
import { SerialMailbox } from "./serial-mailbox.js";
import type { TerminateReason } from "./store-types.js";
import { terminateStore } from "./terminate-store.js";

/** Stands in a mailbox where its root is to be mounted again: what came before is handled first. */
const REMOUNT = "remount";

/**
 * Drives one mounted root store: a mailbox, one {@link Cycle} per message, and the envelopes to its client.
 *
 * Messages are handled one at a time, mount first. Each is answered first; its envelope follows, with the next
 * version, if anything changed. Nothing here throws into its caller.
 */
export class Root {
  readonly rootId: string;
  readonly module: string;
  readonly id: string;
  readonly #options: RootOptions;
  readonly #environment: RootEnvironment;
  readonly #scope: RootScope;
  readonly #mailbox: SerialMailbox<RootMessage | typeof REMOUNT>;
  readonly #outlet: Outlet;
  /** Stores of the tree by key. */
  readonly #stores = new Map<string, Instance>();
  #state: RootState = { status: "mounting" };
  #root: Instance | null = null;
  #current: RootMessage | null = null;
  #refs = 0;
  #pool: AsyncPool | null = null;
  #uploads: RootUploads | null = null;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(options: RootOptions) {
    const { environment, rootId, store, id } = options;
    this.#options = options;
    this.#environment = environment;
    this.rootId = rootId;
    this.module = store.module;
    this.id = id;
    this.#mailbox = new SerialMailbox(
      (item) => (item === REMOUNT ? this.#leaveBehind() : this.#handle(item)),
      environment.maxMailbox,
    );
    this.#outlet = new Outlet({
      socket: options.socket,
      held: options.held,
      slowClients: environment.slowClients,
      tree: () => this.#root?.state.node ?? null,
      send: (parts) => this.#send(parts, "changed"),
      remount: () => void this.#mailbox.put(REMOUNT, true),
    });
    this.#scope = {
      rootId,
      module: store.module,
      user: options.user,
      clock: environment.clock,
      logger: environment.logger,
      pubsub: environment.pubsub,
      freeze: environment.freeze,
      hooks: environment.hooks,
      counts: { renders: 0, values: 0 },
      asyncTimeoutMs: environment.handlerTimeoutMs,
      maxMailbox: environment.maxMailbox,
      maxResources: environment.maxResources,
      cycle: null,
      rendering: false,
      nextRef: () => String(this.#refs++),
      asyncPool: () => {
        this.#pool ??= new AsyncPool(environment.maxAsync);
        return this.#pool;
      },
      uploads: () => {
        this.#uploads ??= this.#makeUploads();
        return this.#uploads;
      },
      storeAt: (key) => this.#stores.get(key),
      deliver: (message) => void this.#deliver(message),
    };
  }

  get state(): RootState {
    return this.#state;
  }

  /** Starts the root; to be called once, before anything else. Answered `{ root_id }` or with the refusal. */
  mount(answer: Answer): void {
    this.#mailbox.put({ kind: "mount", answer });
  }

  /** Enqueues a client's command. Answered `overloaded` when too many wait, `unknown_root` after the end. */
  command(storeId: StoreId, name: string, payload: JsonValue, answer: Answer, commandId: number | null = null): void {
    const taken = this.#mailbox.put({ kind: "command", storeId, name, payload, commandId, answer });
    if (!taken) answer("error", refusal(this.#isOver ? "unknown_root" : "overloaded"));
  }

  /** Takes a client's message about uploads; `owner` is whose connection it is. Throws `malformed_message`. */
  upload(event: string, payload: unknown, owner: string, defer: () => Answer): void {
    if (this.#isOver) defer()("error", refusal("unknown_root"));
    else this.#scope.uploads().handle(event, payload, owner, defer);
  }

  /** Enqueues a message for `info[name]` of a store (the root store by default); whether it was taken. */
  send(name: string, message: unknown, storeId: StoreId = []): boolean {
    const instance = this.#stores.get(storeIdKey(storeId));
    if (instance === undefined || !instance.definition.info.has(name)) return false;
    return this.#deliver({ kind: "info", instance, name, message, resource: null, answer: null });
  }

  /** Enqueues a change of some assigns of a store; whether it was taken. */
  sendUpdate(storeId: StoreId, assigns: Assigns): boolean {
    const instance = this.#stores.get(storeIdKey(storeId));
    return instance !== undefined && this.#deliver({ kind: "update", instance, assigns, answer: null });
  }

  /** Resolves when no message is handled or waits. */
  handled(): Promise<void> {
    return this.#mailbox.idle();
  }

  /** As {@link handled}, when no async work is left either. */
  async settled(): Promise<void> {
    do {
      await this.#mailbox.idle();
      await this.#pool?.idle();
    } while (this.#mailbox.isBusy);
  }

  /** Ends the root: nothing is sent from now on. Resolves when every store has terminated. */
  async close(reason: CloseReason): Promise<void> {
    this.#apply({ type: "close", reason });
    await this.#ended;
  }

  inspect(): RootInspection {
    const state = this.#state;
    return {
      rootId: this.rootId,
      module: this.module,
      id: this.id,
      status: state.status,
      version: "version" in state ? state.version : 0,
      waiting: this.#mailbox.size,
      stores: this.#stores.size,
      async: this.#pool?.size ?? 0,
      isHolding: this.#outlet.state !== "flowing",
      held: this.#outlet.count,
      counts: { ...this.#scope.counts },
    };
  }

  get #isOver(): boolean {
    return this.#state.status !== "mounting" && this.#state.status !== "live";
  }

  #deliver(message: StoreMessage): boolean {
    // A result is never lost, or its value would load for ever; there are no more of them than async work.
    const taken = this.#mailbox.put(message, message.kind === "async");
    if (taken) return true;
    if (message.kind === "info" && message.resource !== null) message.resource.waiting = false;
    if (!this.#isOver) {
      const details = { rootId: this.rootId, message: describeMessage(message) };
      this.#environment.logger.warn(details, "a mailbox is full; a message is lost");
    }
    return false;
  }

  async #handle(message: RootMessage): Promise<void> {
    const cycle = new Cycle(this.#scope, message.kind === "command" ? message.commandId : null);
    const begun = this.#environment.clock.now();
    this.#scope.cycle = cycle;
    this.#current = message;
    try {
      const reply = await around(
        this.#scope,
        () => this.#workOf(message),
        () => this.#run(cycle, message),
      );
      if (cycle.cancelled !== null) throw cycle.cancelled;
      const isSent = this.#succeed(cycle, message, reply);
      afterRender(cycle);
      this.#report(cycle, message, begun, { status: "ok", response: reply, cause: null, isSent });
    } catch (cause) {
      const response = this.#fail(cycle, message, cause);
      this.#report(cycle, message, begun, { status: "error", response, cause, isSent: false });
    } finally {
      this.#scope.cycle = null;
      this.#current = null;
    }
  }

  async #run(cycle: Cycle, message: RootMessage): Promise<JsonObject> {
    if (message.kind === "mount") {
      const { store, id, params } = this.#options;
      const root = new Instance(this.#scope, store, null, id);
      await runMount(cycle, root, params, this.#environment);
      this.#root = root;
      return { root_id: this.rootId };
    }
    if (message.kind === "command") {
      return runHandler(cycle, message, this.#stores.get(storeIdKey(message.storeId)), this.#environment);
    }
    if (message.kind === "upload") return message.work(cycle);
    const resource = message.kind === "info" ? message.resource : null;
    if (resource !== null) resource.waiting = false;
    // What sent it was undone, or its store left, while it waited.
    if (message.instance.state.detached || resource?.open === false) return {};
    return runHandler(cycle, message, message.instance, this.#environment);
  }

  /** Whether there was anything to send. */
  #succeed(cycle: Cycle, message: RootMessage, reply: JsonObject): boolean {
    assemble(cycle);
    for (const instance of cycle.mounted) {
      const slots = (this.#stores.get(instance.key)?.definition.uploads.size ?? 0) + instance.definition.uploads.size;
      if (slots > 0) this.#scope.uploads().mounted(cycle, instance);
    }
    const isMount = this.#state.status === "mounting";
    // What is held is conflated when it is sent: until then nobody need know how the tree differs.
    const isHeld = !isMount && this.#outlet.isHolding;
    const parts = isHeld ? null : partsOf(cycle, this.#root, isMount);
    const isSent = parts !== null && !isEmpty(parts);
    for (const instance of cycle.removed) this.#stores.delete(instance.key);
    for (const instance of cycle.mounted) {
      if (!instance.state.detached) this.#stores.set(instance.key, instance);
    }
    this.#answer(message, "ok", reply);
    if (isSent) this.#send(parts, isMount ? "mounted" : "changed");
    const isLater = isHeld && this.#hold(cycle);
    cycle.commit();
    if (!isLater) for (const tell of cycle.told) tell();
    for (const instance of cycle.removed) this.#terminate(instance, "removed");
    return isSent;
  }

  #fail(cycle: Cycle, message: RootMessage, cause: unknown): JsonObject {
    cycle.rollback(cause);
    for (const instance of cycle.mounted) this.#terminate(instance, "discarded");
    const failure = failureOf(cause, cycle.cancelled);
    // A rejection is an answer; where nobody asked, it would be lost.
    const level = failure.level ?? (isAsked(message) || cycle.cancelled !== null ? null : "warn");
    if (level !== null) {
      const details = { err: cause, rootId: this.rootId, module: this.module };
      this.#environment.logger[level](details, `${describeMessage(message)} failed`);
    }
    this.#answer(message, "error", failure.response);
    if (message.kind === "async") failResult(message.run, cause);
    if (message.kind === "mount") {
      this.#root = null;
      this.#apply({ type: "mount_failed" });
    } else if (failure.fatal) {
      this.#outlet.fail();
      this.#apply({ type: "render_failed" });
    }
    return failure.response;
  }

  #workOf(message: RootMessage): RootWork & { readonly kind: MessageReport["kind"] } {
    return { ...addressOf(message), rootId: this.rootId, module: this.module };
  }

  #report(
    { renderMs }: Cycle,
    message: RootMessage,
    begun: number,
    end: Pick<MessageReport, "status" | "response" | "cause" | "isSent">,
  ): void {
    const durationMs = this.#environment.clock.now() - begun;
    const { user } = this.#options;
    afterMessage(this.#scope, () => ({ ...this.#workOf(message), user, ...end, durationMs, renderMs }));
  }

  async #leaveBehind(): Promise<void> {
    this.#apply({ type: "left_behind" });
  }

  /** Whether it is held. */
  #hold(cycle: Cycle): boolean {
    const root = this.#root;
    const before = root === null ? undefined : (cycle.before(root)?.node ?? root.state.node);
    return before != null && this.#outlet.hold(cycle, before);
  }

  #send(parts: EnvelopeParts, type: "mounted" | "changed"): void {
    this.#apply({ type });
    const state = this.#state;
    if (state.status === "live") this.#options.push(PATCH, toEnvelope(this.rootId, state.version, parts));
  }

  #makeUploads(): RootUploads {
    const { uploads, handlerTimeoutMs } = this.#environment;
    if (uploads === undefined) throw new MusubiError("invalid_usage", `the root ${this.rootId} can have no uploads`);
    return new RootUploads(uploads, {
      scope: this.#scope,
      handlerTimeoutMs,
      // What nobody asked for is news, of which one message at most waits.
      enqueue: (name, work, answer) => this.#mailbox.put({ kind: "upload", name, work, answer }, answer === null),
    });
  }

  #answer(message: RootMessage, status: "ok" | "error", response: JsonObject): void {
    const { answer } = message;
    message.answer = null;
    answer?.(status, response);
  }

  #apply(event: RootEvent): void {
    const { state, effects } = nextRootState(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: RootEffect): void {
    switch (effect) {
      case "refuse_messages":
        return this.#refuseMessages();
      case "send_root_down":
        return this.#sendRootDown();
      case "release":
        this.#outlet.end();
        return this.#options.onRelease();
      case "terminate_stores":
        this.#ended = this.#terminateAll();
        return undefined;
      default:
        return effect satisfies never;
    }
  }

  #sendRootDown(): void {
    const state = this.#state;
    if (state.status !== "down") return;
    this.#options.push(ROOT_DOWN, { root_id: this.rootId, reason: state.reason, retry: true });
  }

  #refuseMessages(): void {
    const code = this.#state.status === "down" ? "root_down" : "unmounted";
    const current = this.#current;
    // What runs is answered now: nothing may be sent for this root any more once the caller goes on.
    for (const message of current === null ? [] : [current]) this.#answer(message, "error", refusal(code));
    for (const item of this.#mailbox.close()) if (item !== REMOUNT) this.#answer(item, "error", refusal(code));
    this.#scope.cycle?.cancel(new MusubiError("unmounted", `the root ${this.rootId} has ended`));
  }

  async #terminateAll(): Promise<void> {
    const state = this.#state;
    await this.#mailbox.idle();
    const reason: TerminateReason = state.status === "closing" ? state.reason : "down";
    const instances = [...this.#stores.values()].sort((a, b) => b.depth - a.depth);
    this.#stores.clear();
    // Children before their parents.
    await Promise.all(instances.map((instance) => terminateStore(instance, reason)));
    this.#apply({ type: "terminated" });
  }

  #terminate(instance: Instance, reason: TerminateReason): void {
    // Not awaited by the mailbox: letting go is no part of the message. It never rejects.
    void terminateStore(instance, reason);
  }
}
