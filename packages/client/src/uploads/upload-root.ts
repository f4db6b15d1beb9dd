import type { RootLink } from "../connection/root-link.js";
import type { ChannelHost } from "../connection/topology.js";
import type { Observable } from "../observable.js";
import type { MountState } from "../root/mount-state.js";
import type { UploadTransport } from "./upload-transport.js";

/** What uploads need of their connection. */
export interface UploadHost extends Pick<ChannelHost, "socket" | "clock" | "logger"> {
  readonly uploads: UploadTransport;
  readonly commandTimeoutMs: number;
}

/** What uploads need of their root. */
export interface UploadRoot {
  readonly host: UploadHost;
  /** `undefined` before the first join. */
  readonly link: RootLink | undefined;
  readonly state: Observable<MountState>;
  /** Which life of the root this is, on a server that may go on with it after a drop. */
  readonly life: () => string | undefined;
}
