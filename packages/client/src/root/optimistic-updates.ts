import { type Clock, isObject, type TimerHandle } from "@musubi/protocol";
import type { Join } from "../connection/join.js";
import type { StoreRecord } from "../state/store-record.js";
import type { StoreTree } from "../state/store-tree.js";

/** How long an update outlives its command's reply, in milliseconds, when no envelope follows (client.md rule 15). */
const LINGER_MS = 200;

/** What an app expects a command to do to a store's snapshot. */
export type OptimisticUpdate = (state: unknown) => unknown;

/** An update of a store that is shown, or will be. */
export interface Shown {
  readonly record: StoreRecord;
  readonly update: OptimisticUpdate;
  /** Its command succeeded, and the server will tell at which version its effects are in the tree. */
  commandId?: number | undefined;
  /** That version, once it is told. */
  version?: number;
  /** Its command succeeded, and nothing will be told of its effects: it goes when this runs out, if not before. */
  timer?: TimerHandle;
  /** Whether its command outlived a join: what the server said of it in that one may be lost. */
  isLate?: true;
}

/** What {@link OptimisticUpdates} need of their root. */
export interface OptimisticRoot {
  readonly host: { readonly clock: Clock; readonly join: Join };
  readonly tree: StoreTree;
  readonly version: number;
}

/**
 * Updates shown before the server has made them: laid over snapshots, never into the tree, so that envelopes are
 * applied underneath. Each goes when its command's effects are in the tree, or its command fails (client.md rule 15).
 */
export interface OptimisticUpdates {
  /** Shows an update while its command is under way, and until its effects are there. */
  show(shown: Shown): void;
  /** The command of an update, which may not be shown, has ended. */
  handleOutcome(shown: Shown, isOk: boolean, commandId: number | undefined): void;
  /**
   * A `settled` payload, unchecked: the effects of a command are in the tree at a version. Of a tree that is not there
   * yet, they are awaited.
   */
  handleSettled(payload: unknown): void;
  /** An envelope was applied: what was only waiting for one goes, with a new tree (`isInitial`) all that was answered. */
  handleEnvelope(isInitial: boolean): void;
  /** The root's way to the server was lost, and with it what `settled` would have told. */
  handleLoss(): void;
  /** The root is closed: nothing is shown any more, and no timer is left. */
  end(): void;
}

/** Makes {@link OptimisticUpdates}; `tell` hears which stores they touch. */
export function createOptimisticUpdates(
  root: OptimisticRoot,
  tell: (touched: readonly StoreRecord[]) => void,
): OptimisticUpdates {
  const { host, tree } = root;
  const all = new Set<Shown>();

  const drop = (shown: Shown): void => {
    all.delete(shown);
    const { record, update, timer } = shown;
    if (timer !== undefined) host.clock.clearTimeout(timer);
    const left = record.updates?.filter((each) => each !== update);
    record.updates = left?.length ? left : undefined;
    tell(tree.touchStore(record));
  };
  /** Goes with the next envelope, or soon. */
  const linger = (shown: Shown): void => {
    shown.commandId = undefined;
    shown.timer = host.clock.setTimeout(() => drop(shown), LINGER_MS);
  };

  return {
    show: (shown) => {
      const { record, update } = shown;
      all.add(shown);
      record.updates = [...(record.updates ?? []), update];
      tell(tree.touchStore(record));
    },
    handleOutcome: (shown, isOk, commandId) => {
      if (!all.has(shown)) return;
      if (!isOk) drop(shown);
      else if (commandId !== undefined && !shown.isLate && host.join.has("settled")) shown.commandId = commandId;
      else linger(shown);
    },
    handleSettled: (payload) => {
      const { command_id, version } = isObject(payload) ? payload : {};
      for (const shown of all) {
        if (shown.commandId === undefined || shown.commandId !== command_id) continue;
        if (typeof version === "number" && version > root.version) shown.version = version;
        else drop(shown);
      }
    },
    handleEnvelope: (isInitial) => {
      for (const shown of all) {
        const { commandId, timer, version: settled = Infinity } = shown;
        if (timer !== undefined || (isInitial && commandId !== undefined) || settled <= root.version) drop(shown);
      }
    },
    handleLoss: () => {
      for (const shown of all) {
        shown.isLate = true;
        if (shown.commandId !== undefined) linger(shown);
      }
    },
    end: () => all.forEach(drop),
  };
}
