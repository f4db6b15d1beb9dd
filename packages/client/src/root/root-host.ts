import type { CommandLedger } from "../connection/command-ledger.js";
import type { ConnectionStatus } from "../connection/connection-detail.js";
import type { Observable } from "../observable.js";
import type { UploadHost } from "../uploads/upload-root.js";

/** A root as its host knows it. */
export interface HostedRoot {
  readonly key: string;
}

/** What a root needs from its connection. */
export interface RootHost extends UploadHost {
  readonly random: () => number;
  readonly mountTimeoutMs: number;
  readonly unmountGraceMs: number;
  readonly status: Observable<ConnectionStatus>;
  /** The numbers of the session's commands, where the server recognises repeats. */
  readonly commandLedger: CommandLedger | undefined;
  /** The root was live, and its way to the server is gone. */
  handleRootLost(root: HostedRoot): void;
  /** The root is live, or has come to an end or to a failed attempt: nothing more is to be waited for. */
  handleRootSettled(root: HostedRoot): void;
  /** The root is closed. */
  handleRootClosed(root: HostedRoot): void;
}
