import { type Clock, isObject } from "@musubi/protocol";
import { attachCache } from "../cache/attach-cache.js";
import type { CacheOptions } from "../cache/cache-options.js";
import { systemClock, wallTime } from "../clock.js";
import { createDeferred, type Deferred } from "../deferred.js";
import { explain, MusubiDisconnectedError } from "../errors.js";
import { consoleLogger, type Logger } from "../logger.js";
import { type Observable, ObservableValue } from "../observable.js";
import { OneTimer } from "../one-timer.js";
import { RecoveryBackoff } from "../root/recovery-backoff.js";
import { Root } from "../root/root.js";
import type { RootHost } from "../root/root-host.js";
import { closeReason } from "../socket/close-reason.js";
import { addUploaders, type UploadTransport } from "../uploads/upload-transport.js";
import type { ExternalUploader } from "../uploads/upload-types.js";
import {
  type ConnectionDetail,
  type ConnectionReason,
  type ConnectionStatus,
  observeStatus,
} from "./connection-detail.js";
import { type ConnectionEvent, type ConnectionState, type JoinEnd, nextConnectionState } from "./connection-state.js";
import { type Join, PLAIN_JOIN } from "./join.js";
import { type RootIdentity, rootKey } from "./root-identity.js";
import { SharedTopology } from "./shared-topology.js";
import type { SocketLike } from "./socket-like.js";
import type { ConnectedLink, Topology, TopologyHost } from "./topology.js";
import { warnIfNeverOpen } from "./unopened-warning.js";

/** How to open a connection. */
export interface ConnectionOptions {
  /** `shared` (default): all roots on one channel; `channel-per-root`: each on its own (protocol.md section 8). */
  readonly topology?: "shared" | "channel-per-root";
  /** What sends the files of external uploads, by the name that the server gives (protocol.md section 6). */
  readonly uploaders?: Readonly<Record<string, ExternalUploader>>;
  /** Milliseconds from a command's dispatch to giving up; default 10 000. */
  readonly commandTimeoutMs?: number;
  /** Milliseconds to wait for the answer to a mount, and then for its first envelope; default 10 000. */
  readonly mountTimeoutMs?: number;
  /** Milliseconds that a root without holders stays mounted; default 50. */
  readonly unmountGraceMs?: number;
  /** Where warnings and listeners' errors go; default the console. */
  readonly logger?: Logger;
  /** Time; for tests. */
  readonly clock?: Clock;
  /** Random numbers in [0, 1), for back-off; for tests. */
  readonly random?: () => number;
}

/**
 * The roots mounted over one socket and topic, shared by all who connect to it.
 *
 * phoenix.js owns the socket and rejoins channel objects, the topology owns those; this drives `connection-state.ts`,
 * and counts roots and holders. It knows nothing of versions, trees and commands.
 */
export class Connection implements RootHost, TopologyHost {
  readonly socket: SocketLike;
  readonly topic: string;
  readonly uploads: UploadTransport;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly mountTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly unmountGraceMs: number;
  readonly statusDetail: Observable<ConnectionDetail>;
  /** The `status` of `statusDetail` on its own. */
  readonly status: Observable<ConnectionStatus>;
  join: Join = PLAIN_JOIN;
  readonly #onClosed: () => void;
  readonly #detail: ObservableValue<ConnectionDetail>;
  #topology: Topology | undefined;
  readonly #roots = new Map<string, Root>();
  readonly #ready: Deferred<Connection> = createDeferred();
  /** Resolves at the first join; rejects when the server refuses it, or when the connection is closed before. */
  readonly ready: Promise<Connection> = this.#ready.promise;
  /** Roots that were live when the join was lost, and are not yet back. */
  readonly #restoring = new Set<unknown>();
  /** Roots that lost their own way to the server while they were live, and are not yet back. */
  readonly #lost = new Set<unknown>();
  readonly #unwatchSocket: () => void;
  #machine: ConnectionState = "joining";
  #wasJoined = false;
  #holders = 0;
  readonly #backoff: RecoveryBackoff;
  readonly #timer: OneTimer;
  /** When the channel that the server closed is opened again. */
  #reopenAt: number | null = null;
  #reason: ConnectionReason | null = null;
  #error: MusubiDisconnectedError | undefined;

  constructor(socket: SocketLike, topic: string, options: ConnectionOptions, onClosed: () => void) {
    const { clock = systemClock, logger = consoleLogger } = options;
    this.socket = socket;
    this.topic = topic;
    this.uploads = { uploaders: new Map() };
    addUploaders(this.uploads, options.uploaders, logger);
    this.clock = clock;
    this.random = options.random ?? Math.random;
    this.logger = logger;
    this.mountTimeoutMs = options.mountTimeoutMs ?? 10_000;
    this.commandTimeoutMs = options.commandTimeoutMs ?? 10_000;
    this.unmountGraceMs = options.unmountGraceMs ?? 50;
    this.#onClosed = onClosed;
    this.#timer = new OneTimer(clock);
    this.#backoff = new RecoveryBackoff(clock, this.random, 1_000);
    this.#detail = new ObservableValue(this.#look(), logger);
    this.statusDetail = this.#detail;
    this.status = observeStatus(this.#detail);
    if (options.topology !== "channel-per-root") this.#topology = new SharedTopology(this);
    this.#open();
    this.#unwatchSocket = warnIfNeverOpen(socket, logger, this.#watchSocket());
    this.#publish();
  }

  retain(): void {
    this.#holders++;
  }

  /** Takes a holder away; the channel is left when the last one goes. */
  release(): void {
    if (--this.#holders === 0) this.#send("release", { kind: "disconnected" });
  }

  /** The root of a pair, mounted if it is not yet, with a hold on it that `root.release()` gives back. */
  hold(identity: RootIdentity, params: object, cache?: CacheOptions): Root {
    let root = this.find(identity);
    if (root === undefined) {
      root = new Root(identity, params, this);
      this.#roots.set(root.key, root);
      if (this.#machine === "joined") root.handleJoin();
      else if (this.#error !== undefined) root.refuse(this.#error);
    }
    root.retain(params);
    // One that was refused right here gets none: its mount fails rather than showing what cannot come true.
    if (cache !== undefined) attachCache(root, cache);
    return root;
  }

  /** The root of a pair, if somebody holds it. */
  find(identity: RootIdentity): Root | undefined {
    return this.#roots.get(rootKey(identity));
  }

  createLink(root: Root): ConnectedLink | undefined {
    return this.#topology?.createLink(root);
  }

  handleRootLost(root: Root): void {
    this.#lost.add(root);
  }

  handleRootSettled(root: Root): void {
    this.#lost.delete(root);
    if (this.#restoring.delete(root)) this.#publish();
  }

  handleRootClosed(root: Root): void {
    if (this.find(root) !== root) return;
    this.#roots.delete(root.key);
    root.link?.dispose();
    this.handleRootSettled(root);
  }

  handleJoined(join: Join): void {
    // phoenix.js can rejoin without telling of a loss first: the older join is over all the same.
    this.#step("lost");
    this.join = join;
    this.#send("join_ok");
  }

  handleUnjoined(end: JoinEnd, reason?: ConnectionReason): void {
    const isRefused = reason?.kind === "join_refused";
    const { reason: why, url } = isRefused && isObject(reason.details) ? reason.details : {};
    const isMoved = why === "moved" && typeof url === "string";
    if (isMoved && this.socket.move?.(url) === true) this.#step("lost");
    else {
      if (isRefused && this.#wasJoined)
        this.logger.warn(`"${this.topic}" could not be rejoined; it is tried again.`, reason);
      this.#step(isRefused && !this.#wasJoined ? "stopped" : end, isMoved ? { kind: "moved", url } : reason);
    }
    // A socket tells its channels of its end before it tells why: that is one change.
    if (this.socket.isConnected()) this.#publish();
    else queueMicrotask(() => this.#publish());
  }

  #send(event: ConnectionEvent, reason?: ConnectionReason): void {
    this.#step(event, reason);
    this.#publish();
  }

  #step(event: ConnectionEvent, reason?: ConnectionReason): void {
    const before = this.#machine;
    // Terminal: what comes late must not change why it is closed.
    if (before === "closed") return;
    if (reason !== undefined) this.#reason = reason;
    const state = nextConnectionState(before, event);
    if (state === before) return;
    this.#machine = state;
    const roots = Array.from(this.#roots.values());
    if (before === "joined") {
      for (const { link } of roots) link?.handleDrop();
      for (const root of this.#lost) this.#restoring.add(root);
    }
    switch (state) {
      case "joining":
        if (before === "retrying") this.#open();
        return;
      case "joined":
        this.#wasJoined = true;
        this.#backoff.handleLive();
        for (const root of roots) root.handleJoin();
        this.#ready.resolve(this);
        return;
      case "retrying": {
        this.join = PLAIN_JOIN;
        this.#backoff.handleRefusal();
        const delayMs = this.#backoff.nextDelayMs();
        this.#reopenAt = wallTime(this.clock) + delayMs;
        this.#timer.start(delayMs, () => {
          this.#reopenAt = null;
          this.#send("due");
        });
        return;
      }
      case "closed":
        this.#timer.stop();
        this.#unwatchSocket();
        this.#topology?.close();
        // Before anybody hears of it: what is closed cannot be held.
        this.#onClosed();
        this.#error = disconnectedError(this.topic, this.#reason);
        this.#ready.reject(this.#error);
        for (const root of roots) root.refuse(this.#error);
    }
  }

  #open(): void {
    if (this.#topology !== undefined) return this.#topology.open();
    import("./own-channel-topology.js").then(
      ({ OwnChannelTopology }) => {
        if (this.#machine === "closed") return;
        this.#topology = new OwnChannelTopology(this);
        this.#topology.open();
      },
      (cause: unknown) => {
        this.logger.error(`"${this.topic}" could not be loaded; it is tried again.`, cause);
        this.#send("channel_closed", { kind: "not_loaded" });
      },
    );
  }

  /** Listens to what the socket tells of itself, which bare ones do less of. Returns the undo. */
  #watchSocket(): () => void {
    const socket = this.socket;
    const { statusDetail } = socket;
    if (statusDetail !== undefined) {
      return statusDetail.subscribe(() => {
        const { transport, reason } = statusDetail.current;
        if (transport === "stopped") this.#send("stopped", reason ?? undefined);
        else this.#publish();
      });
    }
    const refs = [
      socket.onOpen(() => this.#publish()),
      socket.onClose((event) => {
        this.#reason = closeReason(event);
        this.#publish();
      }),
    ];
    return () => socket.off(refs);
  }

  #publish(): void {
    const { current } = this.#detail;
    // A socket may still tell of what happened to it: a closed connection keeps its reason.
    if (current.status === "closed") return;
    const next = this.#look(current);
    if ((Object.keys(next) as (keyof ConnectionDetail)[]).some((key) => next[key] !== current[key]))
      this.#detail.set(next);
  }

  /** How it stands now. */
  #look(before?: ConnectionDetail): ConnectionDetail {
    const status = this.#currentStatus();
    const told = this.socket.statusDetail?.current;
    const { transport = "open" } = told ?? {};
    if (status === "ready") this.#reason = null;
    else if (status !== "closed") this.#reason = told?.reason ?? this.#reason;
    return {
      status,
      transport: this.socket.isConnected() ? "open" : transport === "open" ? "connecting" : transport,
      session: this.join.session?.id ?? null,
      since: before?.status === status ? before.since : wallTime(this.clock),
      reason: this.#reason,
      nextRetryAt: status === "closed" ? null : (told?.nextRetryAt ?? this.#reopenAt),
    };
  }

  #currentStatus(): ConnectionStatus {
    const state = this.#machine;
    if (state === "closed") return state;
    if (state === "joined" && this.#restoring.size === 0) return "ready";
    return this.#wasJoined ? "reconnecting" : "connecting";
  }
}

/** What everything that waits for a connection ends in once it is closed. */
function disconnectedError(topic: string, reason: ConnectionReason | null): MusubiDisconnectedError {
  const kind = reason?.kind;
  const details = kind === "join_refused" ? reason.details : reason;
  const code =
    kind === "join_refused" || kind === "moved" ? "join_refused" : kind === "closed" ? "socket_closed" : "disconnected";
  return new MusubiDisconnectedError(code, `"${topic}" is closed: ${explain(code, details)}.`, details);
}
