import type { Clock, TimerHandle } from "@musubi/protocol";
import { backoffMs } from "../backoff.js";
import { systemClock } from "../clock.js";
import { createDeferred, type Deferred } from "../deferred.js";
import { describe, MusubiDisconnectedError, replyReason } from "../errors.js";
import { consoleLogger, type Logger } from "../logger.js";
import { type Observable, ObservableValue } from "../observable.js";
import { Root } from "../root/root.js";
import type { RootHost } from "../root/root-host.js";
import { CommandLedger } from "./command-ledger.js";
import {
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
  nextConnectionState,
} from "./connection-state.js";
import type { Join } from "./join.js";
import { OwnChannelTopology } from "./own-channel-topology.js";
import { SharedTopology } from "./shared-topology.js";
import type { SocketLike } from "./socket-like.js";
import type { ConnectedLink, Topology, TopologyEvents } from "./topology.js";

/** What a connection shows: see client.md rule 2. */
export type ConnectionStatus = "connecting" | "ready" | "reconnecting" | "closed";

/** How to open a connection. */
export interface ConnectionOptions {
  /** `shared` (default): all roots on one channel; `channel-per-root`: each on its own (protocol.md section 8). */
  readonly topology?: "shared" | "channel-per-root";
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

/** Names a root: the pair that a client knows it by (protocol.md section 2). */
export interface RootIdentity {
  readonly module: string;
  readonly id: string;
}

/** The key of a root's pair. */
export function rootKey({ module, id }: RootIdentity): string {
  return JSON.stringify([module, id]);
}

/**
 * The roots mounted over one socket and topic, shared by all who connect to it.
 *
 * phoenix.js owns the socket and rejoins channel objects, the topology owns those; this drives `connection-state.ts`,
 * and counts roots and holders. It knows nothing of versions, trees and commands.
 */
export class Connection implements RootHost, TopologyEvents {
  readonly topic: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly mountTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly unmountGraceMs: number;
  readonly #onClosed: () => void;
  readonly #topology: Topology;
  readonly #roots = new Map<string, { readonly root: Root; readonly link: ConnectedLink }>();
  readonly #status: ObservableValue<ConnectionStatus>;
  readonly #ready: Deferred<Connection> = createDeferred();
  /** Roots that were live when the join was lost, and are not yet back. */
  readonly #restoring = new Set<Root>();
  /** Roots that lost their own way to the server while they were live, and are not yet back. */
  readonly #lost = new Set<Root>();
  #machine: ConnectionState = { status: "joining" };
  #holders = 0;
  #reopens = 0;
  #reopenTimer: TimerHandle | undefined;
  #refusal: unknown;
  #join: Join | undefined;
  #ledger: CommandLedger | undefined;

  constructor(socket: SocketLike, topic: string, options: ConnectionOptions, onClosed: () => void) {
    this.topic = topic;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.logger = options.logger ?? consoleLogger;
    this.mountTimeoutMs = options.mountTimeoutMs ?? 10_000;
    this.commandTimeoutMs = options.commandTimeoutMs ?? 10_000;
    this.unmountGraceMs = options.unmountGraceMs ?? 50;
    this.#onClosed = onClosed;
    this.#status = new ObservableValue<ConnectionStatus>("connecting", this.logger);
    const { clock, logger, mountTimeoutMs } = this;
    const Chosen = options.topology === "channel-per-root" ? OwnChannelTopology : SharedTopology;
    this.#topology = new Chosen({ socket, topic, clock, logger, mountTimeoutMs }, this);
    this.#topology.open();
  }

  get status(): Observable<ConnectionStatus> {
    return this.#status;
  }

  /** Resolves at the first join; rejects when the server refuses it, or when the connection is closed before. */
  get ready(): Promise<Connection> {
    return this.#ready.promise;
  }

  /** Whether it can be held: neither refused nor closed. */
  get isUsable(): boolean {
    return this.#machine.status !== "refused" && this.#machine.status !== "closed";
  }

  retain(): void {
    this.#holders++;
  }

  /** Takes a holder away; the channel is left when the last one goes. */
  release(): void {
    this.#holders--;
    if (this.#holders === 0) this.#send({ type: "release" });
  }

  /** The root of a pair, mounted if it is not yet, with a hold on it that `root.release()` gives back. */
  hold(identity: RootIdentity, params: object): Root {
    const key = rootKey(identity);
    const known = this.#roots.get(key);
    if (known !== undefined) {
      known.root.retain(params);
      return known.root;
    }
    let link!: ConnectedLink;
    const root = new Root({ key, ...identity, params }, this, (events) => {
      link = this.#topology.createLink({ key, ...identity }, events);
      return link;
    });
    this.#roots.set(key, { root, link });
    root.retain(params);
    if (this.#machine.status === "joined" && this.#join !== undefined) link.handleJoin(this.#join);
    else if (!this.isUsable)
      root.refuse(new MusubiDisconnectedError("disconnected", `"${this.topic}" is closed; connect again.`));
    return root;
  }

  /** The numbers of this session's commands; `undefined` when the server does not recognise repeats. */
  get commandLedger(): CommandLedger | undefined {
    return this.#ledger;
  }

  /** The root of a pair, if somebody holds it. */
  find(identity: RootIdentity): Root | undefined {
    return this.#roots.get(rootKey(identity))?.root;
  }

  handleRootLost(root: Root): void {
    this.#lost.add(root);
  }

  handleRootSettled(root: Root): void {
    this.#lost.delete(root);
    if (this.#restoring.delete(root)) this.#publishStatus();
  }

  handleRootClosed(root: Root): void {
    const entry = this.#roots.get(root.key);
    if (entry?.root !== root) return;
    this.#roots.delete(root.key);
    entry.link.dispose();
    this.handleRootSettled(root);
  }

  handleJoined(join: Join): void {
    this.#join = join;
    if (!join.has("idempotent_commands")) this.#ledger = undefined;
    else if (!join.isSameSession || this.#ledger === undefined) this.#ledger = new CommandLedger();
    this.#send({ type: "join_ok" });
  }

  handleRefused(response: unknown): void {
    this.#refusal = response;
    this.#send({ type: "join_refused" });
  }

  handleLost(): void {
    this.#send({ type: "lost" });
  }

  handleClosed(): void {
    this.#send({ type: "channel_closed" });
  }

  #send(event: ConnectionEvent): void {
    const { state, effects } = nextConnectionState(this.#machine, event);
    this.#machine = state;
    for (const effect of effects) this.#run(effect);
    if (state.status === "closed" && event.type === "release") this.#close();
    this.#publishStatus();
  }

  #run(effect: ConnectionEffect): void {
    switch (effect) {
      case "begin_join":
        this.#beginJoin();
        return;
      case "end_join":
        this.#endJoin();
        return;
      case "open_channel":
        this.#topology.open();
        return;
      case "leave_channel":
        this.#topology.close();
        return;
      case "schedule_reopen":
        this.#reopenTimer = this.clock.setTimeout(
          () => this.#send({ type: "reopen_due" }),
          backoffMs(this.#reopens++, this.random, { baseMs: 1_000 }),
        );
        return;
      case "cancel_reopen":
        if (this.#reopenTimer !== undefined) this.clock.clearTimeout(this.#reopenTimer);
        return;
      case "reject_ready":
        this.#refuse();
        return;
      case "report_refusal":
        this.logger.warn(`The server refused to let "${this.topic}" rejoin; it is tried again.`, this.#refusal);
        return;
    }
  }

  #beginJoin(): void {
    this.#reopens = 0;
    this.#topology.beginJoin();
    const join = this.#join;
    if (join === undefined) return;
    for (const { link } of Array.from(this.#roots.values())) link.handleJoin(join);
    this.#ready.resolve(this);
  }

  #endJoin(): void {
    for (const { root } of this.#roots.values()) if (root.isLive || this.#lost.has(root)) this.#restoring.add(root);
    this.#topology.endJoin();
    for (const { link } of Array.from(this.#roots.values())) link.handleDrop();
  }

  #refuse(): void {
    const reason = describe(replyReason(this.#refusal));
    const message = `The server refused the join of "${this.topic}": ${reason}. Check the socket's params and token.`;
    const error = new MusubiDisconnectedError("join_refused", message, this.#refusal);
    this.#ready.reject(error);
    for (const { root } of Array.from(this.#roots.values())) root.refuse(error);
    this.#onClosed();
  }

  #close(): void {
    for (const { root } of Array.from(this.#roots.values())) root.disconnect();
    this.#ready.reject(
      new MusubiDisconnectedError("disconnected", `The client left "${this.topic}" before it was ready.`),
    );
    this.#onClosed();
  }

  #publishStatus(): void {
    this.#status.set(this.#publicStatus());
  }

  #publicStatus(): ConnectionStatus {
    switch (this.#machine.status) {
      case "joining":
        return "connecting";
      case "joined":
        return this.#restoring.size === 0 ? "ready" : "reconnecting";
      case "rejoining":
        return "reconnecting";
      case "reopening":
        return this.#machine.everJoined ? "reconnecting" : "connecting";
      case "refused":
      case "closed":
        return "closed";
    }
  }
}
