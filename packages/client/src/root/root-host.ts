import type { Clock } from "@musubi/protocol";
import type { CommandLedger } from "../connection/command-ledger.js";
import type { Logger } from "../logger.js";

/** A root as its host knows it. */
export interface HostedRoot {
  readonly key: string;
}

/** What a root needs from its connection. */
export interface RootHost {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly mountTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly unmountGraceMs: number;
  /** The numbers of the session's commands, where the server recognises repeats. */
  readonly commandLedger: CommandLedger | undefined;
  /** The root was live, and its way to the server is gone. */
  handleRootLost(root: HostedRoot): void;
  /** The root is live, or has come to an end or to a failed attempt: nothing more is to be waited for. */
  handleRootSettled(root: HostedRoot): void;
  /** The root is closed. */
  handleRootClosed(root: HostedRoot): void;
}
