import { type Clock, COMMAND, type ErrorCode, isObject, type StoreId } from "@musubi/protocol";
import type { CommandLedger } from "../connection/command-ledger.js";
import type { Join } from "../connection/join.js";
import type { RootLink } from "../connection/root-link.js";
import { type CommandFate, explain, MusubiCommandError } from "../errors.js";
import type { Observable } from "../observable.js";
import type { StoreTree } from "../state/store-tree.js";
import type { MountState } from "./mount-state.js";
import type { OptimisticUpdate, OptimisticUpdates, Shown } from "./optimistic-updates.js";

/** How a command is sent. */
export interface CommandOptions {
  /** Milliseconds from the dispatch to giving up; default 10 000, or the connection's `commandTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Ends the command when aborted: `not_sent` when it was still waiting, `unknown` when it was on its way. */
  readonly signal?: AbortSignal;
  /** What to do while the root is not live: wait (default; at most 100 commands a root), or fail at once. */
  readonly whenOffline?: "queue" | "reject";
  /**
   * What the command is expected to make of the store's snapshot: shown at once in every snapshot that contains the
   * store, until the server's own change is there, or the command fails. It gets the state as of the last envelope,
   * again after each, and must not change it.
   */
  readonly optimistic?: OptimisticUpdate;
}

/** Commands that may wait for the connection, per root (client.md rule 14). */
export const MAX_QUEUED_COMMANDS = 100;

interface Command {
  readonly storeId: StoreId;
  readonly name: string;
  readonly payload: unknown;
  readonly timeoutMs: number;
  /** Ends it, once: without an error by `reply`. */
  readonly settle: (error: MusubiCommandError | undefined, reply?: unknown) => void;
  /** Its number, once it was sent to a server that recognises repeats. */
  number?: { readonly id: number; readonly ledger: CommandLedger };
  /** Whether it was ever sent, so that it may have had an effect. */
  wasSent?: true;
  /** Ends the wait for its answer; `undefined` while it waits to be sent. */
  recall?: (() => void) | undefined;
}

/** What a {@link CommandQueue} needs of its root. */
export interface CommandRoot {
  readonly host: { readonly clock: Clock; readonly commandTimeoutMs: number; readonly join: Join };
  readonly link: RootLink | undefined;
  readonly state: Observable<MountState>;
  readonly tree: StoreTree;
}

/**
 * The commands of one root. Each ends in exactly one way: its reply, an error reply, a timeout, or an interruption
 * that says whether it may have had an effect (protocol.md section 5). What cannot go out yet waits here, never in
 * phoenix.js's buffer.
 */
export interface CommandQueue {
  /** Sends a command, or queues it. Resolves with the reply; rejects with a `MusubiCommandError`. */
  dispatch(storeId: StoreId, name: string, payload: unknown, options?: CommandOptions): Promise<unknown>;
  /** Sends what waits, in order, but for what was sent in another session. To be called when the root goes live. */
  flush(): void;
  /** Ends the commands that were sent and not answered: their effect is unknown. */
  interruptSent(): void;
  /**
   * The join is lost. Commands that a server would recognise wait for the next one, before those that were never sent;
   * the others that were sent end: their effect is unknown.
   */
  handleDrop(): void;
  /** The server restarted the root in place: only commands that it recognises go on. */
  handleRestart(): void;
  /** The root's state may have changed: in one that no command can ever leave, all of them end. */
  handleState(): void;
}

/** Makes a {@link CommandQueue}. */
export function createCommandQueue(root: CommandRoot, updates: OptimisticUpdates): CommandQueue {
  const { clock, commandTimeoutMs } = root.host;
  /** In the order of their dispatch, in which they are sent: those that are on their way come first. */
  const all = new Set<Command>();

  const isLive = (): boolean => root.state.current.status === "live" && root.link?.isOpen === true;
  /** Why commands cannot ever go out as things stand; `undefined` when they can, now or later. */
  const refusal = (): ErrorCode | undefined => {
    const { status } = root.state.current;
    return status === "failed" ? "root_down" : status === "closed" ? "unmounted" : undefined;
  };
  const end = (
    command: Command,
    code: string,
    fate: CommandFate = command.wasSent ? "unknown" : "not_sent",
    reply?: unknown,
  ): void => {
    const { name, storeId } = command;
    const kind = fate === "rejected" ? "failed" : code === "command_timeout" ? "timeout" : "interrupted";
    const message = `Command "${name}" of store ${JSON.stringify(storeId)} (${fate}): ${explain(code, reply)}.`;
    command.settle(new MusubiCommandError(message, { kind, fate, command: name, storeId, reply, code }));
  };
  const endThose = (code: ErrorCode, isLost: (command: Command) => unknown): void => {
    for (const command of Array.from(all).filter(isLost)) end(command, code);
  };
  const handleRestart = (): void => endThose("interrupted", ({ recall, number }) => recall && !number);

  const send = (command: Command): void => {
    const { storeId, name, payload, timeoutMs, number } = command;
    const { ledger } = root.host.join;
    if (number && number.ledger !== ledger) return end(command, "interrupted");
    if (!number && storeId.length > 0 && !root.tree.find(storeId)?.node) return end(command, "store_gone");
    if (ledger !== undefined) command.number ??= { id: ledger.take(), ledger };
    command.wasSent = true;
    const message = { store_id: storeId, name, payload, command_id: command.number?.id, acked: ledger?.acked };
    // The command's own timer, which is the older one, is the one that counts.
    command.recall = root.link?.push(COMMAND, message, timeoutMs, ({ status, response }) => {
      if (status === "ok") command.settle(undefined, response);
      else if (status === "error") end(command, codeOf(response), "rejected", response);
    });
  };

  return {
    dispatch: (storeId, name, payload, { timeoutMs = commandTimeoutMs, signal, whenOffline, optimistic } = {}) =>
      new Promise((resolve, reject) => {
        const record = optimistic && root.tree.find(storeId);
        const shown: Shown | undefined = record && { record, update: optimistic };
        const onAbort = (): void => end(command, "aborted");
        const timer = clock.setTimeout(() => end(command, "command_timeout"), timeoutMs);
        const command: Command = {
          storeId,
          name,
          payload: payload ?? {},
          timeoutMs,
          settle: (error, reply) => {
            if (!all.delete(command)) return;
            clock.clearTimeout(timer);
            signal?.removeEventListener("abort", onAbort);
            const { number, recall } = command;
            recall?.();
            number?.ledger.settle(number.id);
            if (shown !== undefined) updates.handleOutcome(shown, error === undefined, number?.id);
            if (error === undefined) resolve(reply);
            else reject(error);
          },
        };
        const refused = refusal();
        all.add(command);
        signal?.addEventListener("abort", onAbort);
        if (signal?.aborted === true) onAbort();
        else if (refused !== undefined) end(command, refused);
        else if (isLive()) send(command);
        else if (whenOffline === "reject") end(command, "offline");
        else if (Array.from(all).filter(({ recall }) => !recall).length > MAX_QUEUED_COMMANDS)
          end(command, "queue_full");
        // One that ended at once, unsent, is not shown.
        if (shown !== undefined && all.has(command)) updates.show(shown);
      }),
    flush: () => {
      for (const command of all) if (!command.recall && isLive()) send(command);
    },
    interruptSent: () => endThose("interrupted", ({ recall }) => recall),
    handleDrop: () => {
      handleRestart();
      for (const command of all) {
        command.recall?.();
        command.recall = undefined;
      }
    },
    handleRestart,
    handleState: () => {
      const refused = refusal();
      if (refused !== undefined) endThose(refused, () => true);
    },
  };
}

/** The server's own code for an error reply. */
function codeOf(reply: unknown): string {
  const { code, reason, error } = isObject(reply) ? reply : {};
  return [code, reason, error].find((each) => typeof each === "string") ?? "command_failed";
}
