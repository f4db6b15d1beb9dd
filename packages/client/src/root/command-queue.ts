import { type Clock, COMMAND, type ErrorCode, isObject, type StoreId, type TimerHandle } from "@musubi/protocol";
import type { CommandLedger } from "../connection/command-ledger.js";
import type { LinkAnswer, RootLink } from "../connection/root-link.js";
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
  readonly timer: TimerHandle;
  readonly settle: (outcome: { readonly reply: unknown } | { readonly error: MusubiCommandError }) => void;
  isSent: boolean;
  /** Its number, once it was sent to a server that recognises repeats. */
  number: { readonly id: number; readonly ledger: CommandLedger } | undefined;
  cancelPush: () => void;
}

/** What a {@link CommandQueue} needs to know of its root. */
export interface CommandQueueOptions {
  readonly link: RootLink;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The numbers of the session's commands, where a server recognises repeats. */
  readonly ledger: () => CommandLedger | undefined;
  /** Whether commands may go out now. */
  readonly isLive: () => boolean;
  /** Why commands cannot ever go out as things stand; `undefined` when they can wait. */
  readonly refusal: () => { readonly code: ErrorCode; readonly message: string } | undefined;
  /** Whether the store is in the tree, or there is no tree yet. */
  readonly hasStore: (storeId: StoreId) => boolean;
}

/**
 * The commands of one root. Each ends in exactly one way: its reply, an error reply, a timeout, or an interruption
 * that says whether it may have had an effect (protocol.md section 5). What cannot go out yet waits here, never in
 * phoenix.js's buffer.
 */
export class CommandQueue {
  readonly #options: CommandQueueOptions;
  readonly #queued = new Set<Command>();
  readonly #sent = new Set<Command>();

  constructor(options: CommandQueueOptions) {
    this.#options = options;
  }

  /** Sends a command, or queues it. Resolves with the reply; rejects with a `MusubiCommandError`. */
  dispatch(
    storeId: StoreId,
    name: string,
    payload: unknown,
    options: CommandOptions = {},
    onOutcome: CommandOutcome = () => {},
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
      const command: Command = {
        storeId,
        name,
        payload: payload ?? {},
        expiresAt: this.#options.clock.now() + timeoutMs,
        timer: this.#options.clock.setTimeout(() => {
          const fate = command.isSent ? "unknown" : "not_sent";
          this.#fail(command, "timeout", fate, "command_timeout", `no reply within ${timeoutMs} ms`);
        }, timeoutMs),
        settle: (outcome) => {
          this.#options.clock.clearTimeout(command.timer);
          signal?.removeEventListener("abort", onAbort);
          command.cancelPush();
          this.#queued.delete(command);
          this.#sent.delete(command);
          command.number?.ledger.settle(command.number.id);
          onOutcome("reply" in outcome, command.number?.id);
          if ("error" in outcome) reject(outcome.error);
          else resolve(outcome.reply);
        },
        isSent: false,
        number: undefined,
        cancelPush: () => {},
      };
      const onAbort = (): void => {
        this.#fail(
          command,
          "interrupted",
          command.isSent ? "unknown" : "not_sent",
          "aborted",
          "its signal was aborted",
        );
      };
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted === true) onAbort();
      else this.#start(command, options.whenOffline ?? "queue");
    });
  }

  /** Sends what waits, in order. To be called when the root goes live. */
  flush(): void {
    for (const command of Array.from(this.#queued)) {
      if (!this.#options.isLive()) return;
      if (this.#queued.delete(command)) this.#send(command);
    }
  }

  /** Ends the commands that were sent and not answered: their effect is unknown. */
  interruptSent(): void {
    for (const command of Array.from(this.#sent)) this.#interrupt(command);
  }

  /**
   * The join is lost. Commands that a server would recognise wait for the next one, before those that were never sent;
   * the others that were sent end: their effect is unknown.
   */
  handleDrop(): void {
    const [sent, queued] = [Array.from(this.#sent), Array.from(this.#queued)];
    this.#queued.clear();
    for (const command of [...sent.filter(({ number }) => number !== undefined), ...queued]) {
      command.cancelPush();
      this.#sent.delete(command);
      this.#queued.add(command);
    }
    this.interruptSent();
  }

  /** A join began. What was sent in another session is not known in this one. */
  handleJoin(): void {
    const ledger = this.#options.ledger();
    for (const command of Array.from(this.#queued)) {
      if (command.number !== undefined && command.number.ledger !== ledger) this.#interrupt(command);
    }
  }

  /** The server restarted the root in place: only commands that it recognises go on. */
  handleRestart(): void {
    for (const command of Array.from(this.#sent)) if (command.number === undefined) this.#interrupt(command);
  }

  /** Ends all commands. */
  endAll(code: ErrorCode, message: string): void {
    for (const command of [...this.#sent, ...this.#queued]) {
      this.#fail(command, "interrupted", command.isSent ? "unknown" : "not_sent", code, message);
    }
  }

  #start(command: Command, whenOffline: "queue" | "reject"): void {
    const refusal = this.#options.refusal();
    if (refusal !== undefined) {
      this.#fail(command, "interrupted", "not_sent", refusal.code, refusal.message);
    } else if (this.#options.isLive()) {
      this.#send(command);
    } else if (whenOffline === "reject") {
      this.#fail(command, "interrupted", "not_sent", "offline", 'the root is not live and whenOffline is "reject"');
    } else if (this.#queued.size >= MAX_QUEUED_COMMANDS) {
      const message = `${MAX_QUEUED_COMMANDS} commands of this root wait for the connection already`;
      this.#fail(command, "interrupted", "not_sent", "queue_full", message);
    } else {
      this.#queued.add(command);
    }
  }

  #send(command: Command): void {
    const { link, clock, hasStore } = this.#options;
    const ledger = this.#options.ledger();
    if (command.number === undefined && !hasStore(command.storeId)) {
      this.#fail(command, "interrupted", "not_sent", "store_gone", "the store has left the tree");
      return;
    }
    command.isSent = true;
    this.#sent.add(command);
    if (ledger !== undefined) command.number ??= { id: ledger.take(), ledger };
    const payload = {
      store_id: command.storeId,
      name: command.name,
      payload: command.payload,
      ...(ledger === undefined ? {} : { command_id: command.number?.id, acked: ledger.acked }),
    };
    // The command's own timer is the one that counts; the wait of the push must only not end before it.
    const waitMs = Math.max(0, command.expiresAt - clock.now()) + 1;
    command.cancelPush = link.push(COMMAND, payload, waitMs, (answer) => this.#handleAnswer(command, answer));
  }

  #interrupt(command: Command): void {
    const why = "the connection or the root went away before a reply";
    this.#fail(command, "interrupted", "unknown", "interrupted", why);
  }

  #handleAnswer(command: Command, answer: LinkAnswer): void {
    if (answer.status === "ok") {
      command.settle({ reply: answer.response });
    } else if (answer.status === "error") {
      const reply = answer.response;
      this.#fail(command, "failed", "rejected", codeOf(reply), `the server answered ${describe(reply)}`, reply);
    }
  }

  #fail(command: Command, kind: CommandFailure, fate: CommandFate, code: string, why: string, reply?: unknown): void {
    const { name, storeId } = command;
    const store = storeId.length === 0 ? "the root store" : `store ${JSON.stringify(storeId)}`;
    const message = `Command "${name}" of ${store} ended (${kind}, ${fate}): ${why}.`;
    command.settle({ error: new MusubiCommandError(message, { kind, fate, command: name, storeId, reply, code }) });
  }
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
