import type { AnyConnection } from "./any-store.js";
import type { ConnectionHandle } from "./connection-handle.js";

/** The provider's connection; the same object while the provider keeps its socket. */
export function useConnection(handle: ConnectionHandle): AnyConnection {
  return handle.connection;
}
