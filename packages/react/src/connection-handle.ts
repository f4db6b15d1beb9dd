import type { ConnectOptions, Observable, SocketLike } from "@musubi/client";
import type { AnyConnection } from "./any-store.js";
import { describeStatus, type MusubiConnectionStatus } from "./connection-status.js";
import { OwnedConnection } from "./owned-connection.js";
import { SharedMounts } from "./shared-mounts.js";

/** A connection as the hooks use it, whoever owns it. One per connection, however many providers. */
export interface ConnectionHandle {
  readonly connection: AnyConnection;
  readonly status: Observable<MusubiConnectionStatus<AnyConnection>>;
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

function createOwnedHandle(socket: SocketLike | null, options: ConnectOptions): ConnectionHandle {
  const owned = new OwnedConnection(socket, options);
  return createHandle(owned, () => owned.retain(), socket !== null);
}

function createHandle(connection: AnyConnection, retain: () => () => void, canOpen = true): ConnectionHandle {
  const status = describeStatus(connection);
  return { connection, status, mounts: new SharedMounts(connection, retain), canOpen, retain };
}
