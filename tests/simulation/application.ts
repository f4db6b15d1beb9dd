import type { AnyRegistry } from "@musubi/client";
import type { OpenedRoot } from "@musubi/client/runtime";
import type { Overlay, UpdateKind } from "./optimistic.js";
import type { RootWatch } from "./root-watch.js";

/** What an application holds: a mounted root, and how to give it back. */
export interface Hold {
  readonly holder: number;
  readonly pair: string;
  readonly watch: RootWatch;
  /** There at once with `openRoot`, when it is mounted with `mountStore`. */
  view: Pick<OpenedRoot<string, AnyRegistry>, "store" | "state" | "remount"> | undefined;
  readonly release: () => void;
}

/** A command that was dispatched, and what became of it. */
export interface SentCommand {
  readonly token: string;
  readonly abort: AbortController;
  readonly overlay: Overlay | undefined;
  outcomes: string[];
}

/** What a command is sent with. */
export interface CommandToSend {
  readonly payload: object;
  readonly store: number;
  readonly timeoutMs: number;
  readonly whenOffline: "queue" | "reject";
  readonly update: UpdateKind | undefined;
}
