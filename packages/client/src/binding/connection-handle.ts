import type { ConnectOptions } from "../connection/shared-runtime.js";
import type { SocketLike } from "../connection/socket-like.js";
import { createDeferred } from "../deferred.js";
import type { Observable } from "../observable.js";
import type { AnyConnection } from "./any-store.js";
import { describeStatus, type MusubiConnectionStatus } from "./connection-status.js";
import { OwnedConnection } from "./owned-connection.js";
import { SharedMounts } from "./shared-mounts.js";

/** A connection as components use it, whoever owns it. One per connection, however many providers. */
export interface ConnectionHandle {
  readonly connection: AnyConnection;
  readonly status: Observable<MusubiConnectionStatus<AnyConnection>>;
  /** What a server renders for `status`, and a client first where the server's markup is. */
  readonly serverStatus: MusubiConnectionStatus<AnyConnection>;
  readonly mounts: SharedMounts;
  /** `false` while the app has no socket yet: then nothing is mounted, and roots are loading. */
  readonly canOpen: boolean;
  /** Keeps the connection open; returns the undo. */
  readonly retain: () => () => void;
}

const givenHandles = new WeakMap<AnyConnection, ConnectionHandle>();
const ownedHandles = new WeakMap<SocketLike, Map<string | undefined, ConnectionHandle>>();
const nothing = (): void => {};

/** The handle of a connection that the app opened and will close. */
export function handleOfConnection(connection: AnyConnection): ConnectionHandle {
  let handle = givenHandles.get(connection);
  if (handle === undefined) givenHandles.set(connection, (handle = createHandle(connection, () => nothing)));
  return handle;
}

/** The handle of a socket's connection to a topic, which is open while it is retained. The first options win. */
export function handleOfSocket(socket: SocketLike | null, options: ConnectOptions): ConnectionHandle {
  if (socket === null) return absentHandle;
  let handles = ownedHandles.get(socket);
  if (handles === undefined) ownedHandles.set(socket, (handles = new Map()));
  let handle = handles.get(options.topic);
  if (handle === undefined) handles.set(options.topic, (handle = createOwnedHandle(socket, options)));
  return handle;
}

const absentHandle: ConnectionHandle = createOwnedHandle(null, {});
let socketGiven = createDeferred<void>();

/** Resolves when the app next has given a socket to somebody. */
export function nextSocket(): Promise<void> {
  return socketGiven.promise;
}

function createOwnedHandle(socket: SocketLike | null, options: ConnectOptions): ConnectionHandle {
  const owned = new OwnedConnection(socket, options);
  if (socket === null) return createHandle(owned, () => nothing, false);
  const retain = (): (() => void) => {
    socketGiven.resolve();
    socketGiven = createDeferred();
    return owned.retain();
  };
  return createHandle(owned, retain);
}

function createHandle(connection: AnyConnection, retain: () => () => void, canOpen = true): ConnectionHandle {
  const status = describeStatus(connection);
  const serverStatus = { state: "connecting", connection } as const;
  return { connection, status, serverStatus, mounts: new SharedMounts(connection, retain), canOpen, retain };
}
