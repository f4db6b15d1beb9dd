import type { ConnectOptions, MusubiConnection, SocketLike } from "@musubi/client";
import {
  type AnyConnection,
  consoleLogger,
  DEFAULT_GRACE_MS,
  DehydratedRoots,
  type DehydratedState,
  handleOfConnection,
  handleOfSocket,
  isDevelopment,
  systemClock,
} from "@musubi/client/runtime";
import { type Context, type ReactElement, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import type { Binding } from "./binding.js";
import { misuse } from "./misuse.js";

/** Exactly one of `connection` and `socket`. */
export type MusubiProviderProps<R> = {
  readonly children?: ReactNode;
  /** What `dehydrate` gave on the server: roots in it are rendered at once. To be the same object in every render. */
  readonly dehydratedState?: DehydratedState | undefined;
} & (
  | {
      /** A connection from `connect`, which the app closes itself. */
      readonly connection: MusubiConnection<R>;
      readonly socket?: undefined;
    }
  | ({
      /**
       * A phoenix.js socket made outside of the component. The provider connects over it, and releases the connection
       * a grace after it has left the screen. `null` while there is none yet, as on a server.
       */
      readonly socket: SocketLike | null;
      readonly connection?: undefined;
    } & ConnectOptions)
);

/** The props of a provider, looked at without their types. */
export interface AnyProviderProps extends ConnectOptions {
  readonly context: Context<Binding | undefined>;
  readonly children?: ReactNode;
  readonly dehydratedState?: DehydratedState | undefined;
  readonly connection?: AnyConnection | undefined;
  readonly socket?: SocketLike | null | undefined;
}

/** Milliseconds that a socket must stay the same once others did not. */
const UNSTABLE_GRACE_MS = 1_000;

/** Gives the hooks below it a connection. */
export function Provider(props: AnyProviderProps): ReactElement {
  const { context, children, dehydratedState, connection, socket, ...options } = props;
  checkProps(connection, socket);
  const settled = useSettledSocket(socket, options);
  const handle = connection === undefined ? handleOfSocket(settled ?? null, options) : handleOfConnection(connection);
  useEffect(() => handle.retain(), [handle]);
  const dehydrated = useMemo(() => dehydratedState && new DehydratedRoots(dehydratedState), [dehydratedState]);
  const binding = useMemo(() => ({ ...handle, dehydrated }), [handle, dehydrated]);
  return <context.Provider value={binding}>{children}</context.Provider>;
}

function checkProps(connection: AnyConnection | undefined, socket: SocketLike | null | undefined): void {
  if ((connection === undefined) !== (socket === undefined)) return;
  const got = socket === undefined ? "neither" : "both";
  throw misuse(
    `MusubiProvider takes either a connection or a socket, and got ${got}. Give it a socket that is made outside of the component (null while there is none yet), or a connection from connect(socket).`,
  );
}

/**
 * The socket to use: another one counts when the next commit has it as well, or when it has stayed for a grace. One
 * that is made anew by each render is told of, instead of joining a channel with each.
 */
function useSettledSocket(
  socket: SocketLike | null | undefined,
  options: ConnectOptions,
): SocketLike | null | undefined {
  const [settled, setSettled] = useState(socket);
  const candidate = useRef<SocketLike | undefined>(undefined);
  const hasWarned = useRef(false);
  // The options are another object with every render, and so this looks at every commit.
  useEffect(() => {
    const { clock = systemClock, logger = consoleLogger, unmountGraceMs = DEFAULT_GRACE_MS } = options;
    const former = candidate.current;
    candidate.current = undefined;
    if (socket === settled) return;
    if (socket == null || settled == null || socket === former) {
      setSettled(socket);
      return;
    }
    candidate.current = socket;
    if (former !== undefined && !hasWarned.current) {
      hasWarned.current = true;
      if (isDevelopment) logger.warn(UNSTABLE_SOCKET);
    }
    const timer = clock.setTimeout(() => setSettled(socket), hasWarned.current ? UNSTABLE_GRACE_MS : unmountGraceMs);
    return () => clock.clearTimeout(timer);
  }, [socket, settled, options]);
  return socket == null || settled == null ? socket : settled;
}

const UNSTABLE_SOCKET =
  "MusubiProvider gets another socket with every render, so it keeps the first. Make the socket outside of the component, or keep it with useState(() => new Socket(...)).";
