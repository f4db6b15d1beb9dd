import type { MusubiError } from "@musubi/protocol";
import type { MusubiConnection } from "../connect.js";
import type { ConnectionStatus } from "../connection/connection-detail.js";
import type { Observable } from "../observable.js";
import type { AnyConnection } from "./any-store.js";

/** How a connection stands, as bindings show it. */
export interface MusubiConnectionStatus<Connection = MusubiConnection> {
  /** As the connection's `status`, and `error` when the server refused the join. */
  readonly state: ConnectionStatus | "error";
  readonly connection: Connection;
  /** Why the join was refused; only with `error`. */
  readonly error?: MusubiError;
}

/** Makes one object per change of a connection's status, for hooks that compare by identity. */
export function describeStatus(
  connection: AnyConnection & { readonly refusal?: MusubiError | undefined },
): Observable<MusubiConnectionStatus<AnyConnection>> {
  let detail: MusubiConnectionStatus<AnyConnection> = { state: connection.status.current, connection };
  return {
    get current() {
      const { refusal: error } = connection;
      const state = error === undefined ? connection.status.current : "error";
      if (detail.state !== state || detail.error !== error) {
        detail = error === undefined ? { state, connection } : { state, connection, error };
      }
      return detail;
    },
    subscribe: (listener) => connection.status.subscribe(listener),
  };
}
