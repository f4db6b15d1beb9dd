import { type Envelope, isObject, type MusubiError, PATCH, SETTLED, type StoreId } from "@musubi/protocol";
import type { CacheOptions } from "../cache/cache-options.js";
import type { RootMessage } from "../connection/live-channel.js";
import { mountError, type RootIdentity, rootKey } from "../connection/root-identity.js";
import type { LinkedRoot } from "../connection/root-link.js";
import type { ConnectedLink } from "../connection/topology.js";
import type { Observable } from "../observable.js";
import { OneTimer } from "../one-timer.js";
import type { Snapshots } from "../state/snapshot.js";
import type { StoreRecord } from "../state/store-record.js";
import type { StoreTree } from "../state/store-tree.js";
import { dispatchEvents, notifyStores } from "../state/subscribers.js";
import { loadUploads, readableEnvelope } from "../uploads/upload-code.js";
import type { UploadRoot } from "../uploads/upload-root.js";
import { type CommandOptions, type CommandQueue, createCommandQueue } from "./command-queue.js";
import { judgeEnvelope } from "./envelope-check.js";
import { MountProgress, type MountState } from "./mount-state.js";
import { createOptimisticUpdates, type OptimisticUpdates } from "./optimistic-updates.js";
import { warnOfOtherParams } from "./params-warning.js";
import { RecoveryBackoff } from "./recovery-backoff.js";
import { isFinalRefusal, refusalOutcome } from "./refusal-outcome.js";
import { Replica } from "./replica.js";
import type { RootHost } from "./root-host.js";
import type { RootNews } from "./root-news.js";
import { nextRootState, type RootEvent, type RootState } from "./root-state.js";

/**
 * Drives one root: its life on the wire (`root-state.ts`), its version, its holders and its timers. The tree, the
 * commands and the link are its parts; it owns none of their rules.
 */
export class Root implements LinkedRoot, UploadRoot {
  readonly key: string;
  readonly module: string;
  readonly id: string;
  readonly host: RootHost;
  readonly state: Observable<MountState>;
  readonly tree: StoreTree;
  readonly snapshots: Snapshots;
  /** Resolves at the first state; rejects when the first mount fails, and when the root is closed before. */
  readonly ready: Promise<void>;
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
  readonly #commands: CommandQueue;
  readonly #backoff: RecoveryBackoff;
  #holders = 0;
  /** Runs while nobody holds the root, for a grace (client.md rule 4). */
  readonly #grace: OneTimer;
  /** Whether it is held, was lately, or is about to be. */
  #isWanted = true;
  readonly #progress: MountProgress;
  readonly #replica: Replica;
  readonly #optimistic: OptimisticUpdates;
  /** Events to be run, the one that is being run first. */
  readonly #events: RootEvent[] = [];
  #machine: RootState = "idle";
  #params: object;
  /** Envelopes that wait, in order, until the code for the uploads in the first is loaded. */
  #late: unknown[] | undefined;
  /** Stores that optimistic updates were taken from while an envelope is published. */
  #rolledBack: StoreRecord[] | undefined;
  #isJoined = false;
  /** Of the present state: runs out before the next one begins. */
  readonly #timer: OneTimer;
  #error: MusubiError | undefined;

  constructor({ module, id }: RootIdentity, params: object, host: RootHost) {
    this.key = rootKey({ module, id });
    this.module = module;
    this.id = id;
    this.#params = this.mountedParams = params;
    this.host = host;
    this.#progress = new MountProgress(this, host.logger);
    this.state = this.#progress.state;
    this.ready = this.#progress.ready.promise;
    this.revalidated = this.#progress.live;
    this.#replica = new Replica(host.logger, this);
    this.tree = this.#replica.tree;
    this.snapshots = this.#replica.snapshots;
    this.#timer = new OneTimer(host.clock);
    this.#grace = new OneTimer(host.clock);
    this.#backoff = new RecoveryBackoff(host.clock, host.random);
    this.#optimistic = createOptimisticUpdates(this, (touched) => this.#tell(touched));
    this.#commands = createCommandQueue(this, this.#optimistic);
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
    this.#isWanted = true;
    this.#grace.stop();
    warnOfOtherParams(this, params, this.#params, this.host.logger);
  }

  /** Takes a holder away. The root is unmounted `unmountGraceMs` after the last one, unless it is held again. */
  release(): void {
    if (this.isClosed || this.#holders === 0 || --this.#holders > 0) return;
    this.#grace.start(this.host.unmountGraceMs, () => this.#end());
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
    const { live } = this.#progress;
    this.#send("inconsistent");
    return live;
  }

  /** The connection, whose join has ended, is closed; what waits for the root is told so. */
  refuse(error: MusubiError): void {
    this.#error = error;
    this.#end();
  }

  /** Sends a command to a store of this root. */
  dispatch(storeId: StoreId, name: string, payload: unknown, options?: CommandOptions): Promise<unknown> {
    return this.#commands.dispatch(storeId, name, payload, options);
  }

  get canResume(): boolean {
    // One that has failed is not mounted again by itself: nobody would ask for what the server keeps.
    return this.#machine !== "failed" && this.#replica.epoch !== undefined;
  }

  handleJoin(): void {
    // phoenix.js can rejoin without telling of a loss first: the older join is over all the same.
    if (this.#isJoined) this.handleDrop();
    this.#isJoined = true;
    this.link ??= this.host.createLink(this);
    this.#send("join");
  }

  handleDrop(): void {
    if (this.#machine === "live") this.host.handleRootLost(this);
    this.#isJoined = false;
    this.observer?.("paused");
    this.#send("drop");
  }

  handleMounted(epoch?: string, isResumed?: boolean): void {
    if (isResumed && this.canResume) return this.#handleLive("resumed");
    this.#replica.endLife(epoch);
    this.#send("mounted");
    if (this.mountedParams !== this.#params) this.#send("inconsistent");
  }

  handleMountRefused(error: MusubiError): void {
    // A refusal of params that nobody wants any more is nobody's error.
    if (this.mountedParams !== this.#params) return this.#send("retry");
    this.#fail(error);
    if (this.#replica.hasState) this.host.logger.warn(error.message, error);
    if (isFinalRefusal(error)) this.observer?.("refused");
    this.#send(refusalOutcome(error, this.#replica));
  }

  handleUnmounted(): void {
    this.#send("unmounted");
  }

  handleMessage(event: RootMessage, payload: unknown): void {
    if (event === PATCH) this.#handlePatch(payload);
    else if (event === SETTLED) this.#optimistic.handleSettled(payload);
    else {
      this.#replica.endLife();
      this.#fail(mountError(this, "root_down", payload));
      const canRetry = isObject(payload) && payload["retry"] === true;
      this.#send(canRetry ? "retry" : this.#replica.hasState ? "fail" : "end");
    }
  }

  recover(why: string): void {
    this.host.logger.warn(`Root ${this.module} "${this.id}" recovers: ${why}.`);
    this.#send("inconsistent");
  }

  #handlePatch(payload: unknown): void {
    const isLive = this.#machine === "live";
    if (!isLive && this.#machine !== "opening") return;
    if (this.#late !== undefined) {
      this.#late.push(payload);
      return;
    }
    try {
      const envelope = readableEnvelope(payload);
      if (envelope === undefined) this.#hold(payload);
      else this.#handleEnvelope(envelope, isLive ? this.version : undefined);
    } catch (error) {
      this.recover(error instanceof Error ? error.message : String(error));
    }
  }

  /** `at` is the version of a live root. */
  #handleEnvelope(envelope: Envelope, at: number | undefined): void {
    const verdict = judgeEnvelope(envelope, at);
    if (verdict === "next") this.#publish(envelope, this.#replica.advance(envelope));
    else if (verdict === "initial") {
      const touched = this.#replica.begin(envelope);
      const publish = (): void => this.#publish(envelope, touched);
      if (at === undefined) this.#handleLive("initial", publish);
      else publish();
    } else if (verdict === "gap")
      this.recover(`an envelope from ${envelope.base_version} to ${envelope.version} at ${at ?? 0}`);
  }

  /** The code for its uploads has to be loaded first, in a mount's time at most. If it cannot be, a first mount fails. */
  #hold(payload: unknown): void {
    const late = (this.#late = [payload]);
    const settle = (isLoaded: boolean, cause?: unknown): void => {
      if (this.#late !== late) return;
      this.#late = undefined;
      this.#timer.stop();
      if (isLoaded) {
        for (const each of late) this.#handlePatch(each);
        return;
      }
      const error = mountError(this, "not_loaded");
      this.#fail(error);
      this.host.logger.warn(error.message, cause);
      if (this.#replica.hasState) this.#send("inconsistent");
      else this.#end();
    };
    this.#timer.start(this.host.mountTimeoutMs, () => settle(false));
    loadUploads().then(
      () => settle(true),
      (cause: unknown) => settle(false, cause),
    );
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

  /** It could not be mounted, or was ended: why, until it is live again. */
  #fail(error: MusubiError): void {
    this.#error = error;
    this.#backoff.handleRefusal();
  }

  /** Nobody wants the root any more. */
  #end(): void {
    this.#isWanted = false;
    this.#send("release");
  }

  /** Runs events one after another: what brings about another event does not overtake its own. */
  #send(event: RootEvent): void {
    if (this.#events.push(event) > 1) return;
    try {
      for (const next of this.#events) {
        const state = nextRootState(this.#machine, next, this.#isWanted);
        if (state !== this.#machine) this.#enter(state);
        this.#publishState();
      }
    } finally {
      this.#events.length = 0;
    }
  }

  #enter(state: RootState): void {
    const { mountTimeoutMs } = this.host;
    this.#machine = state;
    this.#timer.stop();
    this.#late = undefined;
    switch (state) {
      case "idle":
        this.#commands.handleDrop();
        this.#optimistic.handleLoss();
        return;
      case "mounting": {
        const { epoch, version } = this.#replica;
        const { join } = this.host;
        const canResume = epoch !== undefined && join.isSameSession && join.has("resume");
        this.mountedParams = this.#params;
        this.link?.mount(this.#params, canResume ? { epoch, version } : undefined);
        return;
      }
      case "opening":
        this.#timer.start(mountTimeoutMs, () => this.recover(`no initial envelope in ${mountTimeoutMs} ms`));
        return;
      case "recovering":
        this.#replica.endLife();
        this.link?.unmount();
        return;
      case "waiting":
      case "failed":
        this.#commands.interruptSent();
        this.#optimistic.handleLoss();
        this.host.handleRootSettled(this);
        if (state === "waiting") this.#wait();
        return;
      case "closed":
        this.#grace.stop();
        this.observer?.("ended");
        this.#optimistic.end();
        this.host.handleRootClosed(this);
        return;
      case "live":
    }
  }

  #wait(): void {
    // A root that had failed was not told of a join that ended meanwhile.
    if (!this.#isJoined) return this.#send("drop");
    const delayMs = this.#backoff.nextDelayMs();
    if (delayMs === 0) this.#send("due");
    else this.#timer.start(delayMs, () => this.#send("due"));
  }

  /** What a wait for this root ends in once it is closed. */
  closedError(): MusubiError {
    return this.#progress.endError();
  }

  #publishState(): void {
    this.#progress.publish(this.#machine, this.#replica, this.#isJoined, this.#error);
    this.#commands.handleState();
  }
}
