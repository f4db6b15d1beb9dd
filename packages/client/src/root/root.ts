import { type Envelope, isObject, type MusubiError, type StoreId } from "@musubi/protocol";
import type { CacheOptions } from "../cache/cache-options.js";
import { canonicalJson } from "../canonical-json.js";
import { type Join, PLAIN_JOIN } from "../connection/join.js";
import { mountError } from "../connection/root-identity.js";
import type { MountAnswer, RootLinkEvents } from "../connection/root-link.js";
import type { ConnectedLink } from "../connection/topology.js";
import { isDevelopment } from "../development.js";
import { describe, replyReason } from "../errors.js";
import type { Observable } from "../observable.js";
import { OneTimer } from "../one-timer.js";
import type { Snapshots } from "../state/snapshot.js";
import type { StoreRecord } from "../state/store-record.js";
import type { StoreTree } from "../state/store-tree.js";
import { dispatchEvents, notifyStores } from "../state/subscribers.js";
import { readableEnvelope } from "../uploads/upload-code.js";
import type { UploadRoot } from "../uploads/upload-root.js";
import { type CommandOptions, type CommandOutcome, type CommandQueue, createCommandQueue } from "./command-queue.js";
import { judgeEnvelope } from "./envelope-check.js";
import { LateEnvelopes } from "./late-envelopes.js";
import { MountProgress, type MountState, nextLive } from "./mount-state.js";
import { createOptimisticUpdates, type OptimisticUpdates } from "./optimistic-updates.js";
import { RecoveryBackoff } from "./recovery-backoff.js";
import { commandRefusal, isFinalRefusal, refusalOutcome } from "./refusal-outcome.js";
import { Replica } from "./replica.js";
import type { RootHost } from "./root-host.js";
import type { RootNews } from "./root-news.js";
import { nextRootState, type RootEffect, type RootEvent, type RootState } from "./root-state.js";

/**
 * Drives one root: its life on the wire (`root-state.ts`), its version, its holders and its timers. The tree, the
 * commands and the link are its parts; it owns none of their rules.
 */
export class Root implements RootLinkEvents, UploadRoot {
  readonly key: string;
  readonly module: string;
  readonly id: string;
  readonly host: RootHost;
  readonly state: Observable<MountState>;
  readonly tree: StoreTree;
  readonly snapshots: Snapshots;
  /** Resolves at the first state; rejects when the first mount fails, and when the root is closed before. */
  readonly ready: Promise<Root>;
  /** Resolves at the first state that is not a cached one; rejects when the root fails or is closed before. */
  readonly revalidated: Promise<void>;
  /** How it is cached: set by the first holder who asks for that. */
  cache: CacheOptions | undefined;
  /** Hears what its cache has to know, before the state is another root's or gone. */
  observer: ((news: RootNews) => void) | undefined;
  /** What the last mount was pushed with; other than `#params` when those changed while it was on its way. */
  mountedParams: object;
  /** Its way to the server, from the first join on: what makes it may not be there before. */
  link: ConnectedLink | undefined;
  readonly #createLink: () => ConnectedLink | undefined;
  readonly #commands: CommandQueue;
  readonly #backoff: RecoveryBackoff;
  #holders = 0;
  /** Runs while nobody holds the root, for a grace (client.md rule 4). */
  readonly #grace: OneTimer;
  readonly #progress: MountProgress<Root>;
  readonly #replica: Replica;
  readonly #optimistic: OptimisticUpdates;
  readonly #pendingEvents: RootEvent[] = [];
  #isRunning = false;
  #machine: RootState = "idle";
  #params: object;
  #join: Join = PLAIN_JOIN;
  readonly #late = new LateEnvelopes();
  /** Stores that optimistic updates were taken from while an envelope is published. */
  #rolledBack: StoreRecord[] | undefined;
  #isJoined = false;
  readonly #timer: OneTimer;
  #error: MusubiError | undefined;

  constructor(
    identity: { readonly key: string; readonly module: string; readonly id: string; readonly params: object },
    host: RootHost,
    createLink: (events: RootLinkEvents) => ConnectedLink | undefined,
  ) {
    this.key = identity.key;
    this.module = identity.module;
    this.id = identity.id;
    this.#params = identity.params;
    this.mountedParams = identity.params;
    this.host = host;
    this.#createLink = () => createLink(this);
    this.#progress = new MountProgress<Root>(this, host.logger);
    this.state = this.#progress.state;
    this.ready = this.#progress.ready.promise;
    this.revalidated = this.#progress.revalidated.promise;
    this.#replica = new Replica(host.logger, this);
    this.tree = this.#replica.tree;
    this.snapshots = this.#replica.snapshots;
    this.#optimistic = createOptimisticUpdates({
      tree: this.tree,
      clock: host.clock,
      version: () => this.version,
      willSettle: () => this.#join.has("settled"),
      tell: (touched) => this.#tell(touched),
    });
    this.#timer = new OneTimer(host.clock);
    this.#backoff = new RecoveryBackoff(host.clock, host.random);
    this.#grace = new OneTimer(host.clock);
    this.#commands = createCommandQueue({
      push: (...request) => this.link?.push(...request) ?? (() => {}),
      clock: host.clock,
      timeoutMs: host.commandTimeoutMs,
      ledger: () => host.commandLedger,
      isLive: () => this.#machine === "live" && this.link?.isOpen === true,
      refusal: () => commandRefusal(this.#machine),
      hasStore: (storeId) => storeId.length === 0 || this.tree.find(storeId)?.node !== undefined,
    });
  }

  /** The version of the tree; 0 before the first envelope. */
  get version(): number {
    return this.#replica.version;
  }

  /** Which life of the root this is, on a server that may go on with it after a drop. */
  life(): string | undefined {
    return this.#replica.epoch;
  }

  get isClosed(): boolean {
    return this.#machine === "closed";
  }

  /** Adds a holder. Other params than the first holder's are not mounted: the first win, with one warning. */
  retain(params: object = this.#params): void {
    this.#holders++;
    this.#grace.stop();
    if (isDevelopment && canonicalJson(params) !== canonicalJson(this.#params)) {
      this.host.logger.warn(
        `Root ${this.module} "${this.id}" is mounted already with other params; the first are kept. Use remount(params), or another id.`,
      );
    }
    this.#send("retain");
  }

  /** Takes a holder away. The root is unmounted `unmountGraceMs` after the last one, unless it is held again. */
  release(): void {
    if (this.isClosed || this.#holders === 0 || --this.#holders > 0) return;
    this.#grace.start(this.host.unmountGraceMs, () => this.#send("release"));
  }

  /** Shows a former state until the server's own is there, unless it is. Throws, with nothing changed, as a patch does. */
  seed(envelope: Envelope): void {
    if (this.version > 0 || this.isClosed) return;
    const touched = this.tree.applyInitial(envelope);
    this.#publishState();
    this.#tell(touched);
  }

  /** Mounts the root again with other params, with the last state readable meanwhile. Resolves at the new state. */
  remount(params: object): Promise<void> {
    if (this.isClosed) return Promise.reject(this.closedError());
    this.observer?.("ended");
    // A copy, so that even the same object asked for once more is not taken for what is on its way already.
    this.#params = { ...params };
    // The life that the tree is of has the former params: going on with it would not bring the new ones.
    this.#replica.endLife();
    this.#backoff.reset();
    const live = nextLive(this.state, () => this.closedError());
    this.#send("inconsistent");
    return live;
  }

  /** The connection, whose join has ended, is closed; what waits for the root is told so. */
  refuse(error: MusubiError): void {
    this.#error = error;
    this.#send("release");
  }

  /** Sends a command to a store of this root. */
  dispatch(storeId: StoreId, name: string, payload: unknown, options?: CommandOptions): Promise<unknown> {
    const send = (onOutcome?: CommandOutcome): Promise<unknown> =>
      this.#commands.dispatch(storeId, name, payload, options, onOutcome);
    const update = options?.optimistic;
    const record = update === undefined ? undefined : this.tree.find(storeId);
    if (update === undefined || record === undefined) return send();
    return this.#optimistic.showDuring(record, update, send);
  }

  get canResume(): boolean {
    // One that has failed is not mounted again by itself: nobody would ask for what the server keeps.
    return this.#machine !== "failed" && this.#replica.epoch !== undefined;
  }

  handleJoin(join: Join): void {
    this.#isJoined = true;
    this.link ??= this.#createLink();
    this.#join = join;
    this.#commands.handleJoin();
    this.#send("join");
  }

  handleDrop(): void {
    if (this.#machine === "live") this.host.handleRootLost(this);
    this.#isJoined = false;
    this.observer?.("paused");
    this.#send("drop");
  }

  handleMounted({ epoch, isResumed }: MountAnswer): void {
    if (isResumed && this.canResume) return this.#handleLive("resumed");
    this.#replica.endLife(epoch);
    this.#send("mounted");
    if (this.mountedParams !== this.#params) this.#send("inconsistent");
  }

  handleMountRefused(error: MusubiError): void {
    // A refusal of params that nobody wants any more is nobody's error.
    if (this.mountedParams !== this.#params) return this.#send("retry");
    this.#backoff.handleRefusal();
    this.#error = error;
    if (this.#replica.hasState) this.host.logger.warn(error.message, error);
    if (isFinalRefusal(error)) this.observer?.("refused");
    this.#send(refusalOutcome(error, this.#replica));
  }

  handleUnmounted(): void {
    this.#send("unmounted");
  }

  handleOverflow(): void {
    this.#recover("too many messages came before its mount was answered");
  }

  handleSettled(payload: unknown): void {
    if (isObject(payload)) this.#optimistic.handleSettled(payload["command_id"], payload["version"]);
  }

  handleRootDown(payload: unknown): void {
    this.#replica.endLife();
    this.#error = mountError(this, "root_down", `the server ended it: ${describe(replyReason(payload))}`, payload);
    this.#backoff.handleRefusal();
    const canRetry = isObject(payload) && payload["retry"] === true;
    this.#send(canRetry ? "retry" : this.#replica.hasState ? "fail" : "end");
  }

  handlePatch(payload: unknown): void {
    const status = this.#machine;
    if (status !== "opening" && status !== "live") return;
    if (this.#late.take(payload)) return;
    try {
      const envelope = readableEnvelope(payload);
      if (envelope === undefined) this.#hold(payload);
      else this.#handleEnvelope(envelope, status === "live" ? this.version : undefined);
    } catch (error) {
      this.#recover(error instanceof Error ? error.message : String(error));
    }
  }

  /** `at` is the version of a live root. */
  #handleEnvelope(envelope: Envelope, at: number | undefined): void {
    switch (judgeEnvelope(envelope, at)) {
      case "initial": {
        const touched = this.#replica.begin(envelope);
        const publish = (): void => this.#publish(envelope, touched);
        return at === undefined ? this.#handleLive("initial", publish) : publish();
      }
      case "next":
        return this.#publish(envelope, this.#replica.advance(envelope));
      case "gap":
        return this.#recover(
          `an envelope leads from ${envelope.base_version} to ${envelope.version}, not on from ${at ?? "its mount"}`,
        );
      case "duplicate":
    }
  }

  /** The code for its uploads has to be loaded first, in a mount's time at most. If it cannot be, a first mount fails. */
  #hold(payload: unknown): void {
    const giveUp = this.#late.wait(payload, (held, cause) => {
      this.#timer.stop();
      if (held !== undefined) {
        for (const each of held) this.handlePatch(each);
        return;
      }
      this.#error = mountError(this, "not_loaded", "the code for its uploads could not be loaded");
      this.host.logger.warn(this.#error.message, cause);
      this.#backoff.handleRefusal();
      this.#send(this.#replica.hasState ? "inconsistent" : "release");
    });
    this.#timer.start(this.host.mountTimeoutMs, giveUp);
  }

  #handleLive(event: RootEvent, publish: () => void = () => {}): void {
    this.#error = undefined;
    this.#backoff.handleLive();
    this.#send(event);
    publish();
    this.host.handleRootSettled(this);
    this.#commands.flush();
  }

  /** All of the envelope is visible: subscribers are told, then its events are dispatched. */
  #publish(envelope: Envelope, touched: readonly StoreRecord[]): void {
    const isInitial = envelope.base_version === 0;
    const rolledBack: StoreRecord[] = [];
    this.#rolledBack = rolledBack;
    if (isInitial) this.#commands.handleRestart();
    this.#optimistic.handleEnvelope(isInitial);
    this.#rolledBack = undefined;
    this.#tell(rolledBack.length === 0 ? touched : Array.from(new Set([...touched, ...rolledBack])));
    if (touched.length > 0 || isInitial) this.observer?.("changed");
    if (envelope.events !== undefined) dispatchEvents(envelope.events, this.tree, this.host.logger);
  }

  /** What is rolled back because of an envelope is told with it. */
  #tell(touched: readonly StoreRecord[]): void {
    if (this.#rolledBack === undefined) notifyStores(touched, this.host.logger);
    else this.#rolledBack.push(...touched);
  }

  #recover(why: string): void {
    this.host.logger.warn(`Root ${this.module} "${this.id}" recovers: ${why}.`);
    this.#send("inconsistent");
  }

  /** Runs events one after another: an effect that brings about another event does not overtake its own. */
  #send(event: RootEvent): void {
    this.#pendingEvents.push(event);
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let next = this.#pendingEvents.shift(); next !== undefined; next = this.#pendingEvents.shift()) {
        const [state, ...effects] = nextRootState(this.#machine, next);
        this.#machine = state;
        if (state !== "opening" && state !== "live") this.#late.drop();
        for (const effect of effects) this.#run(effect);
        if (next === "end" || next === "fail" || next === "retry") this.host.handleRootSettled(this);
        this.#publishState();
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #run(effect: RootEffect): void {
    const { mountTimeoutMs } = this.host;
    switch (effect) {
      case "mount": {
        const { epoch, version } = this.#replica;
        const canResume = epoch !== undefined && this.#join.isSameSession && this.#join.has("resume");
        this.mountedParams = this.#params;
        this.link?.mount(this.#params, canResume ? { epoch, version } : undefined);
        return;
      }
      case "unmount":
        this.#replica.endLife();
        this.link?.unmount();
        return;
      case "await_initial":
        this.#timer.start(mountTimeoutMs, () => this.#recover(`no initial envelope within ${mountTimeoutMs} ms`));
        return;
      case "wait": {
        // A root that had failed was not told of a join that ended meanwhile.
        if (!this.#isJoined) return this.#send("drop");
        const delayMs = this.#backoff.nextDelayMs();
        if (delayMs === 0) this.#send("due");
        else this.#timer.start(delayMs, () => this.#send("due"));
        return;
      }
      case "stop_timer":
        this.#timer.stop();
        return;
      case "drop_commands":
        this.#commands.handleDrop();
        this.#optimistic.handleLoss();
        return;
      case "interrupt_commands":
        this.#commands.interruptSent();
        this.#optimistic.handleLoss();
        return;
      case "dispose":
        this.#grace.stop();
        this.observer?.("ended");
        this.#optimistic.end();
        this.host.handleRootClosed(this);
        return;
    }
  }

  /** What a wait for this root ends in once it is closed. */
  closedError(): MusubiError {
    return this.#error ?? mountError(this, "unmounted", "it was unmounted");
  }

  #publishState(): void {
    const refusal = commandRefusal(this.#machine);
    if (refusal !== undefined) this.#commands.endAll(refusal);
    this.#progress.publish(this.#machine, this.#replica, this.#isJoined, this.#error, () => this.closedError());
  }
}
