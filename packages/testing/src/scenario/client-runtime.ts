import {
  createConnection,
  openConnectionState,
  readStream,
  readTree,
  rootVersion,
  subscribeStore,
} from "@musubi/client/runtime";

/** The functions of `@musubi/client/runtime` that a scenario drives, so that another copy of it can be driven. */
export interface ClientRuntime {
  readonly createConnection: typeof createConnection;
  readonly openConnectionState: typeof openConnectionState;
  readonly readStream: typeof readStream;
  readonly readTree: typeof readTree;
  readonly rootVersion: typeof rootVersion;
  readonly subscribeStore: typeof subscribeStore;
}

/** The client of this package's own dependency. */
export const clientRuntime: ClientRuntime = {
  createConnection,
  openConnectionState,
  readStream,
  readTree,
  rootVersion,
  subscribeStore,
};
