import type { Clock, TimerHandle } from "@musubi/protocol";
import type { StoreRecord } from "../state/store-record.js";
import type { StoreTree } from "../state/store-tree.js";
import type { CommandOutcome } from "./command-queue.js";

/** How long an update outlives its command's reply, in milliseconds, when no envelope follows (client.md rule 15). */
const LINGER_MS = 200;

/** What an app expects a command to do to a store's snapshot. */
export type OptimisticUpdate = (state: unknown) => unknown;

interface Shown {
  readonly record: StoreRecord;
  readonly update: OptimisticUpdate;
  /** What ends it; `undefined` while its command is under way. */
  until: { readonly commandId: number; version?: number } | { readonly timer: TimerHandle } | undefined;
  /** Whether its command outlived a join: what the server said of it in that one may be lost. */
  isLate: boolean;
}

/** What {@link OptimisticUpdates} needs to know of its root. */
export interface OptimisticUpdatesOptions {
  readonly tree: StoreTree;
  readonly clock: Clock;
  readonly version: () => number;
  /** Whether the server tells when the effects of a command are there. */
  readonly willSettle: () => boolean;
  readonly tell: (touched: readonly StoreRecord[]) => void;
}

/**
 * Updates shown before the server has made them: laid over snapshots, never into the tree, so that envelopes are
 * applied underneath. Each goes when its command's effects are in the tree, or its command fails (client.md rule 15).
 */
export class OptimisticUpdates {
  readonly #options: OptimisticUpdatesOptions;
  readonly #shown = new Set<Shown>();
  #gathered: StoreRecord[] | undefined;

  constructor(options: OptimisticUpdatesOptions) {
    this.#options = options;
  }

  /**
   * Shows an update of a store while the command that `send` sends is under way, and until its effects are there. A
   * command that ends at once, unsent, is not shown.
   */
  showDuring<T>(record: StoreRecord, update: OptimisticUpdate, send: (onOutcome: CommandOutcome) => T): T {
    const { tree, willSettle } = this.#options;
    const shown: Shown = { record, update, until: undefined, isLate: false };
    let isOver = false;
    const result = send((isOk, commandId) => {
      isOver = true;
      if (!this.#shown.has(shown)) return;
      if (!isOk) this.#tell(this.#drop(shown));
      else if (commandId !== undefined && !shown.isLate && willSettle()) shown.until = { commandId };
      else this.#linger(shown);
    });
    if (!isOver) {
      this.#shown.add(shown);
      record.updates = [...(record.updates ?? []), update];
      this.#tell(tree.touchStore(record));
    }
    return result;
  }

  /** The effects of a command are in the tree at a version: of a tree that is not there yet, they are awaited. */
  handleSettled(commandId: unknown, version: unknown): void {
    for (const shown of this.#shown) {
      const { until } = shown;
      if (until === undefined || !("commandId" in until) || until.commandId !== commandId) continue;
      if (typeof version === "number" && version > this.#options.version()) until.version = version;
      else this.#tell(this.#drop(shown));
    }
  }

  /**
   * An envelope was applied: what was only waiting for one goes, with a new tree (`isInitial`) all that was answered.
   * Returns the stores that this touched, to be told with the envelope.
   */
  handleEnvelope(isInitial: boolean): readonly StoreRecord[] {
    const touched: StoreRecord[] = [];
    for (const shown of this.#shown) {
      const { until } = shown;
      if (until === undefined) continue;
      if (isInitial || "timer" in until || (until.version ?? Number.POSITIVE_INFINITY) <= this.#options.version())
        touched.push(...this.#drop(shown));
    }
    return touched;
  }

  /** The root's way to the server was lost, and with it what `settled` would have told. */
  handleLoss(): void {
    for (const shown of this.#shown) {
      shown.isLate = true;
      if (shown.until !== undefined && "commandId" in shown.until) this.#linger(shown);
    }
  }

  /** What `action` rolls back is told together with something else: returns the stores. */
  gather(action: () => void): readonly StoreRecord[] {
    const gathered: StoreRecord[] = [];
    this.#gathered = gathered;
    action();
    this.#gathered = undefined;
    return gathered;
  }

  /** The root is closed: nothing is shown any more, and no timer is left. */
  end(): void {
    for (const shown of this.#shown) this.#tell(this.#drop(shown));
  }

  #tell(touched: readonly StoreRecord[]): void {
    if (this.#gathered === undefined) this.#options.tell(touched);
    else this.#gathered.push(...touched);
  }

  /** Goes with the next envelope, or soon. */
  #linger(shown: Shown): void {
    shown.until = { timer: this.#options.clock.setTimeout(() => this.#tell(this.#drop(shown)), LINGER_MS) };
  }

  #drop(shown: Shown): readonly StoreRecord[] {
    const { tree, clock } = this.#options;
    this.#shown.delete(shown);
    const { record, update, until } = shown;
    if (until !== undefined && "timer" in until) clock.clearTimeout(until.timer);
    const left = record.updates?.filter((each) => each !== update) ?? [];
    record.updates = left.length === 0 ? undefined : left;
    return tree.touchStore(record);
  }
}
