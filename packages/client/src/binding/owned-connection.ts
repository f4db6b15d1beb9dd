import type { CacheTarget } from "../cache/cache-options.js";
import { systemClock } from "../clock.js";
import {
  type AnyRegistry,
  createConnection,
  type MountedStore,
  type MountOptions,
  type MusubiConnection,
  type OpenedRoot,
  rootsOf,
} from "../connect.js";
import { type ConnectionDetail, type ConnectionStatus, observeStatus } from "../connection/connection-detail.js";
import { type ConnectOptions, getSharedRuntime } from "../connection/shared-runtime.js";
import type { SocketLike } from "../connection/socket-like.js";
import { MusubiDisconnectedError } from "../errors.js";
import { consoleLogger } from "../logger.js";
import { type Observable, ObservableValue } from "../observable.js";
import { OneTimer } from "../one-timer.js";
import { MusubiError } from "@musubi/protocol";
import type { AnyConnection } from "./any-store.js";

/** Milliseconds that a connection nobody retains stays open, unless `unmountGraceMs` says otherwise. */
export const DEFAULT_GRACE_MS = 50;

/**
 * The connection of a socket that the app handed to a provider: opened when somebody first needs it, closed a grace
 * after the last holder has gone, and opened anew when it is needed after that or after a refusal.
 *
 * To the app it is a connection like any other.
 */
export class OwnedConnection implements MusubiConnection<AnyRegistry> {
  readonly statusDetail: ObservableValue<ConnectionDetail>;
  readonly status: Observable<ConnectionStatus>;
  /** Why the server refused the join, while the connection is closed for that. */
  refusal: MusubiError | undefined;
  readonly #socket: SocketLike | null;
  readonly #options: ConnectOptions;
  #open: AnyConnection | undefined;
  #holders = 0;
  readonly #grace: OneTimer;

  constructor(socket: SocketLike | null, options: ConnectOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#grace = new OneTimer(options.clock ?? systemClock);
    this.statusDetail = new ObservableValue(this.#unopened("connecting"), options.logger ?? consoleLogger);
    this.status = observeStatus(this.statusDetail);
  }

  /** Keeps the connection open; returns the undo, to be called once. */
  retain(): () => void {
    if (this.#socket === null) return () => {};
    this.#holders++;
    this.#use();
    return () => {
      this.#holders--;
      this.#closeLater();
    };
  }

  openRoot<M extends string>(options: MountOptions<M, AnyRegistry>): OpenedRoot<M, AnyRegistry> {
    return this.#use().openRoot(options);
  }

  async mountStore<M extends string>(options: MountOptions<M, AnyRegistry>): Promise<MountedStore<M, AnyRegistry>> {
    return this.#use().mountStore(options);
  }

  async clearStoreCache(target?: CacheTarget): Promise<void> {
    await this.#use().clearStoreCache(target);
  }

  async disconnect(): Promise<void> {
    this.#close("closed");
  }

  /** The open connection; one that was opened for nobody is closed again after the grace. */
  #use(): AnyConnection {
    const connection = this.#ensureOpen();
    this.#closeLater();
    return connection;
  }

  #ensureOpen(): AnyConnection {
    if (this.#socket === null) {
      throw new MusubiError(
        "invalid_usage",
        "There is no connection yet: this MusubiProvider was given socket={null}.",
      );
    }
    if (this.#open !== undefined && this.#open.status.current !== "closed") return this.#open;
    this.#close("connecting");
    const engine = getSharedRuntime(this.#socket).hold(this.#options);
    const { ready } = engine;
    const connection = createConnection<AnyRegistry>(engine);
    this.#open = connection;
    rootsOf.set(this, rootsOf.get(connection) ?? new Map());
    const publish = (refusal?: MusubiError): void => {
      if (this.#open !== connection) return;
      this.refusal = refusal;
      this.statusDetail.set(connection.statusDetail.current);
    };
    engine.statusDetail.subscribe(() => {
      // A refusal closes it as well, and is told of right after that.
      if (engine.status.current !== "closed") publish();
      else ready.then(() => publish()).catch(() => {});
    });
    ready.catch((error: unknown) => publish(MusubiDisconnectedError.is(error) ? error : undefined));
    publish();
    return connection;
  }

  #closeLater(): void {
    this.#grace.stop();
    if (this.#holders > 0 || this.#open === undefined) return;
    this.#grace.start(this.#options.unmountGraceMs ?? DEFAULT_GRACE_MS, () => this.#close("connecting"));
  }

  #close(status: ConnectionStatus): void {
    const open = this.#open;
    this.#open = undefined;
    this.refusal = undefined;
    if (this.status.current !== status || open !== undefined) this.statusDetail.set(this.#unopened(status));
    open?.disconnect().catch(() => {});
  }

  /** The standing of a connection that is not open, or no more. */
  #unopened(status: ConnectionStatus): ConnectionDetail {
    const since = this.#options.clock?.now() ?? Date.now();
    return { status, transport: "idle", session: null, since, reason: null, nextRetryAt: null };
  }
}
