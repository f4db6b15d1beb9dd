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
  until: { readonly commandId: number } | { readonly timer: TimerHandle } | undefined;
}

/**
 * Updates shown before the server has made them: laid over snapshots, never into the tree, so that envelopes are
 * applied underneath. Each goes when its command's effects are in the tree, or its command fails (client.md rule 15).
 */
export class OptimisticUpdates {
  readonly #tree: StoreTree;
  readonly #clock: Clock;
  readonly #tell: (touched: readonly StoreRecord[]) => void;
  readonly #shown = new Set<Shown>();

  constructor(tree: StoreTree, clock: Clock, tell: (touched: readonly StoreRecord[]) => void) {
    this.#tree = tree;
    this.#clock = clock;
    this.#tell = tell;
  }

  /**
   * Shows an update of a store while the command that `send` sends is under way, and until its effects are there:
   * `willSettle` says that the server tells when. A command that ends at once, unsent, is not shown.
   */
  showDuring<T>(
    record: StoreRecord,
    update: OptimisticUpdate,
    willSettle: boolean,
    send: (onOutcome: CommandOutcome) => T,
  ): T {
    const shown: Shown = { record, update, until: undefined };
    let isOver = false;
    const result = send((isOk, commandId) => {
      isOver = true;
      if (!this.#shown.has(shown)) return;
      if (!isOk) this.#tell(this.#drop(shown));
      else if (willSettle && commandId !== undefined) shown.until = { commandId };
      else shown.until = { timer: this.#clock.setTimeout(() => this.#tell(this.#drop(shown)), LINGER_MS) };
    });
    if (!isOver) {
      this.#shown.add(shown);
      record.updates = [...(record.updates ?? []), update];
      this.#tell(this.#tree.touchStore(record));
    }
    return result;
  }

  /** The effects of a command are in the tree. */
  handleSettled(commandId: unknown): void {
    for (const shown of this.#shown) {
      if (shown.until !== undefined && "commandId" in shown.until && shown.until.commandId === commandId) {
        this.#tell(this.#drop(shown));
      }
    }
  }

  /**
   * An envelope was applied: what was only waiting for one goes, with a new tree (`isInitial`) all that was answered.
   * Returns the stores that this touched, to be told with the envelope.
   */
  handleEnvelope(isInitial: boolean): readonly StoreRecord[] {
    const touched: StoreRecord[] = [];
    for (const shown of this.#shown) {
      if (shown.until !== undefined && (isInitial || "timer" in shown.until)) touched.push(...this.#drop(shown));
    }
    return touched;
  }

  /** Leaves no timer behind. */
  end(): void {
    for (const shown of this.#shown) this.#stopTimer(shown);
    this.#shown.clear();
  }

  #drop(shown: Shown): readonly StoreRecord[] {
    if (!this.#shown.delete(shown)) return [];
    this.#stopTimer(shown);
    const { record, update } = shown;
    const left = record.updates?.filter((each) => each !== update) ?? [];
    record.updates = left.length === 0 ? undefined : left;
    return this.#tree.touchStore(record);
  }

  #stopTimer({ until }: Shown): void {
    if (until !== undefined && "timer" in until) this.#clock.clearTimeout(until.timer);
  }
}
