import { type Clock, COMMAND, type ErrorCode, isObject, type StoreId } from "@musubi/protocol";
import type { CommandLedger } from "../connection/command-ledger.js";
import type { RootLink } from "../connection/root-link.js";
import { type CommandFailure, type CommandFate, describe, MusubiCommandError } from "../errors.js";
import type { OptimisticUpdate } from "./optimistic-updates.js";

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

/** Hears, before the promise settles, whether a command succeeded, and its number if it had one. */
export type CommandOutcome = (isOk: boolean, commandId: number | undefined) => void;

/** Commands that may wait for the connection, per root (client.md rule 14). */
export const MAX_QUEUED_COMMANDS = 100;

interface Command {
  readonly storeId: StoreId;
  readonly name: string;
  readonly payload: unknown;
  readonly expiresAt: number;
  /** Ends it, once: without an error by `reply`. */
  readonly settle: (error: MusubiCommandError | undefined, reply?: unknown) => void;
  isSent: boolean;
  /** Its number, once it was sent to a server that recognises repeats. */
  number: { readonly id: number; readonly ledger: CommandLedger } | undefined;
  cancelPush: () => void;
}

/** What a {@link CommandQueue} needs to know of its root. */
export interface CommandQueueOptions {
  readonly push: RootLink["push"];
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The numbers of the session's commands, where a server recognises repeats. */
  readonly ledger: () => CommandLedger | undefined;
  /** Whether commands may go out now. */
  readonly isLive: () => boolean;
  /** Why commands cannot ever go out as things stand; `undefined` when they can wait. */
  readonly refusal: () => CommandRefusal | undefined;
  /** Whether the store is in the tree, or there is no tree yet. */
  readonly hasStore: (storeId: StoreId) => boolean;
}

/** Why commands end without an answer. */
export type CommandRefusal = readonly [code: ErrorCode, why: string];

/**
 * The commands of one root. Each ends in exactly one way: its reply, an error reply, a timeout, or an interruption
 * that says whether it may have had an effect (protocol.md section 5). What cannot go out yet waits here, never in
 * phoenix.js's buffer.
 */
export interface CommandQueue {
  /** Sends a command, or queues it. Resolves with the reply; rejects with a `MusubiCommandError`. */
  dispatch(
    storeId: StoreId,
    name: string,
    payload: unknown,
    options?: CommandOptions,
    onOutcome?: CommandOutcome,
  ): Promise<unknown>;
  /** Sends what waits, in order. To be called when the root goes live. */
  flush(): void;
  /** Ends the commands that were sent and not answered: their effect is unknown. */
  interruptSent(): void;
  /**
   * The join is lost. Commands that a server would recognise wait for the next one, before those that were never sent;
   * the others that were sent end: their effect is unknown.
   */
  handleDrop(): void;
  /** A join began. What was sent in another session is not known in this one. */
  handleJoin(): void;
  /** The server restarted the root in place: only commands that it recognises go on. */
  handleRestart(): void;
  /** Ends all commands. */
  endAll(refusal: CommandRefusal): void;
}

/** Makes a {@link CommandQueue}. */
export function createCommandQueue(options: CommandQueueOptions): CommandQueue {
  const { push, clock, ledger, isLive, refusal, hasStore } = options;
  const queued = new Set<Command>();
  const sent = new Set<Command>();

  const fail = (
    command: Command,
    kind: CommandFailure,
    fate: CommandFate,
    code: string,
    why: string,
    reply?: unknown,
  ) => {
    const { name, storeId } = command;
    const message = `Command "${name}" of ${storeId.length === 0 ? "the root store" : `store ${JSON.stringify(storeId)}`} ended (${kind}, ${fate}): ${why}.`;
    command.settle(new MusubiCommandError(message, { kind, fate, command: name, storeId, reply, code }));
  };
  const end = (command: Command, [code, why]: CommandRefusal): void =>
    fail(
      command,
      code === "command_timeout" ? "timeout" : "interrupted",
      command.isSent ? "unknown" : "not_sent",
      code,
      why,
    );
  const interrupt = (commands: Iterable<Command>, isLost: (command: Command) => boolean): void => {
    for (const command of Array.from(commands)) {
      if (isLost(command)) end(command, ["interrupted", "the connection or the root went away"]);
    }
  };
  const interruptSent = (): void => interrupt(sent, () => true);

  const send = (command: Command): void => {
    const numbers = ledger();
    if (command.number === undefined && !hasStore(command.storeId))
      return end(command, ["store_gone", "the store has left the tree"]);
    command.isSent = true;
    sent.add(command);
    if (numbers !== undefined) command.number ??= { id: numbers.take(), ledger: numbers };
    const payload = {
      store_id: command.storeId,
      name: command.name,
      payload: command.payload,
      ...(numbers && { command_id: command.number?.id, acked: numbers.acked }),
    };
    // The command's own timer is the one that counts; the wait of the push must only not end before it.
    const waitMs = Math.max(0, command.expiresAt - clock.now()) + 1;
    command.cancelPush = push(COMMAND, payload, waitMs, ({ status, response }) => {
      if (status === "ok") command.settle(undefined, response);
      else if (status === "error")
        fail(command, "failed", "rejected", codeOf(response), `the server answered ${describe(response)}`, response);
    });
  };

  return {
    dispatch: (storeId, name, payload, { timeoutMs = options.timeoutMs, signal, whenOffline } = {}, onOutcome) =>
      new Promise((resolve, reject) => {
        const onAbort = (): void => end(command, ["aborted", "its signal was aborted"]);
        const timer = clock.setTimeout(
          () => end(command, ["command_timeout", `no reply within ${timeoutMs} ms`]),
          timeoutMs,
        );
        const command: Command = {
          storeId,
          name,
          payload: payload ?? {},
          expiresAt: clock.now() + timeoutMs,
          settle: (error, reply) => {
            clock.clearTimeout(timer);
            signal?.removeEventListener("abort", onAbort);
            command.cancelPush();
            queued.delete(command);
            sent.delete(command);
            const { number } = command;
            number?.ledger.settle(number.id);
            onOutcome?.(error === undefined, number?.id);
            if (error === undefined) resolve(reply);
            else reject(error);
          },
          isSent: false,
          number: undefined,
          cancelPush: () => {},
        };
        signal?.addEventListener("abort", onAbort);
        const refused = refusal();
        if (signal?.aborted === true) onAbort();
        else if (refused !== undefined) end(command, refused);
        else if (isLive()) send(command);
        else if (whenOffline === "reject") end(command, ["offline", "the root is not live"]);
        else if (queued.size >= MAX_QUEUED_COMMANDS)
          end(command, ["queue_full", `${MAX_QUEUED_COMMANDS} commands wait already`]);
        else queued.add(command);
      }),
    flush: () => {
      for (const command of Array.from(queued)) {
        if (!isLive()) return;
        if (queued.delete(command)) send(command);
      }
    },
    interruptSent,
    handleDrop: () => {
      const waiting = Array.from(queued);
      queued.clear();
      for (const command of [...Array.from(sent).filter(({ number }) => number !== undefined), ...waiting]) {
        command.cancelPush();
        sent.delete(command);
        queued.add(command);
      }
      interruptSent();
    },
    handleJoin: () => {
      const numbers = ledger();
      interrupt(queued, ({ number }) => number !== undefined && number.ledger !== numbers);
    },
    handleRestart: () => interrupt(sent, ({ number }) => number === undefined),
    endAll: (refused) => {
      for (const command of [...sent, ...queued]) end(command, refused);
    },
  };
}

/** The server's own code for an error reply. */
function codeOf(reply: unknown): string {
  if (isObject(reply)) {
    for (const key of ["code", "reason", "error"]) {
      const value = reply[key];
      if (typeof value === "string") return value;
    }
  }
  return "command_failed";
}
