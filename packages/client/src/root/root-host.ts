import type { ConnectionStatus } from "../connection/connection-detail.js";
import type { Join } from "../connection/join.js";
import type { LinkedRoot } from "../connection/root-link.js";
import type { ConnectedLink } from "../connection/topology.js";
import type { Observable } from "../observable.js";
import type { UploadHost } from "../uploads/upload-root.js";

/** What a root needs from its connection. */
export interface RootHost extends UploadHost {
  readonly random: () => number;
  readonly mountTimeoutMs: number;
  readonly unmountGraceMs: number;
  readonly status: Observable<ConnectionStatus>;
  /** The present join, or the last one. */
  readonly join: Join;
  /** A root's way to the server, once the connection has been joined. */
  createLink(root: LinkedRoot): ConnectedLink | undefined;
  /** The root was live, and its way to the server is gone. */
  handleRootLost(root: LinkedRoot): void;
  /** The root is live, or has come to an end or to a failed attempt: nothing more is to be waited for. */
  handleRootSettled(root: LinkedRoot): void;
  /** The root is closed. */
  handleRootClosed(root: LinkedRoot): void;
}
