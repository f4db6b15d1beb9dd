import {
  type CommandArguments,
  type CommandName,
  type CommandOptions,
  type CommandReply,
  MusubiCommandError,
} from "@musubi/client";
import { type AnyStore, consoleLogger, ObservableValue } from "@musubi/client/runtime";
import { useMemo, useState } from "react";
import { useSyncExternalStore } from "use-sync-external-store/shim";
import { useLatest } from "./use-latest.js";

/** How the latest dispatch of a `useMusubiCommand` stands. */
export interface CommandState<Reply = unknown> {
  /** Whether the latest dispatch is unanswered. */
  readonly isPending: boolean;
  /** Why the latest dispatch failed; `undefined` from the next one on. */
  readonly error: MusubiCommandError | undefined;
  /** The latest dispatch's reply; the one before it stays until the outcome is known. */
  readonly data: Reply | undefined;
}

/** What `useMusubiCommand` returns. */
export interface MusubiCommand<M, N extends CommandName<M, R>, R> extends CommandState<CommandReply<M, N, R>> {
  /**
   * Sends the command; stable. The promise settles with this very dispatch's outcome, a `MusubiCommandError` when it
   * fails. It need not be awaited: `error` has it too.
   */
  readonly dispatch: (...args: CommandArguments<M, N, R>) => Promise<CommandReply<M, N, R>>;
  /** Forgets the outcome, also that of dispatches still under way; stable. */
  readonly reset: () => void;
}

/** {@link MusubiCommand} without its types. */
export interface AnyCommand extends CommandState {
  readonly dispatch: (payload?: unknown, options?: CommandOptions) => Promise<unknown>;
  readonly reset: () => void;
}

interface Target {
  readonly store: AnyStore | undefined;
  readonly name: string;
  readonly options: CommandOptions | undefined;
}

const UNTOUCHED: CommandState = { isPending: false, error: undefined, data: undefined };

/** Sends one command of a store, and shows how the latest dispatch stands. */
export function useCommand(store: AnyStore | undefined, name: string, options?: CommandOptions): AnyCommand {
  const target = useLatest<Target>({ store, name, options });
  const [dispatcher] = useState(() => new Dispatcher(target));
  const { dispatch, reset, state } = dispatcher;
  const read = (): CommandState => state.current;
  const current = useSyncExternalStore(state.subscribe, read, read);
  return useMemo(() => ({ ...current, dispatch, reset }), [current, dispatch, reset]);
}

/**
 * One component's dispatches of a command: numbered, and only the last one's outcome is shown. It is kept outside of
 * React's state so that `isPending` shows within transitions too.
 */
class Dispatcher {
  readonly state: ObservableValue<CommandState> = new ObservableValue(UNTOUCHED, consoleLogger);
  readonly #target: { readonly current: Target };
  #latest = 0;

  constructor(target: { readonly current: Target }) {
    this.#target = target;
  }

  readonly dispatch = (payload?: unknown, options?: CommandOptions): Promise<unknown> => {
    const number = ++this.#latest;
    this.state.set({ isPending: true, error: undefined, data: this.state.current.data });
    const sending = this.#send(payload, options);
    sending.then(
      (data) => this.#land(number, { isPending: false, error: undefined, data }),
      (error: MusubiCommandError) => this.#land(number, { isPending: false, error, data: undefined }),
    );
    return sending;
  };

  readonly reset = (): void => {
    this.#latest++;
    this.state.set(UNTOUCHED);
  };

  #land(number: number, state: CommandState): void {
    if (number === this.#latest) this.state.set(state);
  }

  async #send(payload: unknown, options: CommandOptions | undefined): Promise<unknown> {
    const { store, name, options: defaults } = this.#target.current;
    if (store !== undefined) return sendTo(store, name, payload, { ...defaults, ...options });
    const message = `Command "${name}" was dispatched before its store was there. Wait until the root is "ready".`;
    const facts = { kind: "interrupted", fate: "not_sent", command: name, storeId: [], code: "invalid_usage" } as const;
    throw new MusubiCommandError(message, facts);
  }
}

function sendTo(store: AnyStore, name: string, payload: unknown, options: CommandOptions): Promise<unknown> {
  const { dispatchCommand } = store as { readonly dispatchCommand: AnyDispatch };
  return dispatchCommand(name, payload, options);
}

type AnyDispatch = (name: string, payload: unknown, options: CommandOptions) => Promise<unknown>;
