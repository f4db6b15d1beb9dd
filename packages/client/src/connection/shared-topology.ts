import { type Clock, isObject, PATCH, ROOT_DOWN, SETTLED, UNMOUNT } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import type { RootIdentity } from "./connection.js";
import { readJoin, type Session } from "./join.js";
import { MountQueue } from "./mount-queue.js";
import { JoinRequests } from "./requests.js";
import type { RootLinkEvents } from "./root-link.js";
import { RootRouter } from "./root-router.js";
import { SharedRootLink } from "./shared-root-link.js";
import type { ChannelLike, SocketLike } from "./socket-like.js";
import { type ConnectedLink, guarded, type Topology, type TopologyEvents } from "./topology.js";

/** What both topologies need. */
export interface TopologyOptions {
  readonly socket: SocketLike;
  /** The topic of the connection channel, or the base of the roots' own topics. */
  readonly topic: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly mountTimeoutMs: number;
}

/** One channel that all roots of a connection share (protocol.md section 2). */
export class SharedTopology implements Topology {
  readonly #options: TopologyOptions;
  readonly #events: TopologyEvents;
  readonly #queue: MountQueue = new MountQueue();
  readonly #router: RootRouter;
  readonly #links = new Set<SharedRootLink>();
  #channel: ChannelLike | undefined;
  #session: Session | undefined;
  /** What the join under way asks the server to keep. */
  #asked: readonly string[] = [];

  constructor(options: TopologyOptions, events: TopologyEvents) {
    this.#options = options;
    this.#events = events;
    this.#router = new RootRouter(this.#queue, options.mountTimeoutMs);
  }

  open(): void {
    const { socket, topic, logger } = this.#options;
    // phoenix.js asks for the payload at every join and rejoin.
    const channel = socket.channel(topic, () => this.#joinPayload());
    this.#channel = channel;
    const guard = <Args extends unknown[]>(handle: (...args: Args) => void): ((...args: Args) => void) =>
      guarded(logger, () => this.#channel === channel, handle);
    for (const event of [PATCH, ROOT_DOWN, SETTLED] as const) {
      channel.on(
        event,
        guard((payload) => this.#router.route(event, payload)),
      );
    }
    channel.onError(guard((reason) => this.#handleError(reason)));
    channel.onClose(guard(() => this.#handleClose()));
    channel
      .join()
      .receive(
        "ok",
        guard((response) => this.#handleJoined(response)),
      )
      .receive(
        "error",
        guard((response) => this.#events.handleRefused(response)),
      )
      .receive(
        "timeout",
        guard(() => this.#events.handleLost({ kind: "join_timeout" })),
      );
    if (!socket.isConnected()) socket.connect();
  }

  close(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.leave();
  }

  beginJoin(): void {
    const { socket, clock, mountTimeoutMs } = this.#options;
    if (this.#channel === undefined) return;
    const requests = new JoinRequests(this.#channel, () => socket.isConnected(), clock);
    this.#router.beginJoin(requests);
    // A root that was given up before the join was answered is kept by the server, and nobody will ask for it.
    const wanted = new Set(this.#keptRootIds());
    for (const rootId of this.#asked) {
      if (!wanted.has(rootId)) requests.push(UNMOUNT, { root_id: rootId }, mountTimeoutMs, () => {});
    }
  }

  endJoin(): void {
    this.#router.endJoin();
    this.#queue.endJoin();
  }

  createLink(root: RootIdentity & { readonly key: string }, events: RootLinkEvents): ConnectedLink {
    const { mountTimeoutMs } = this.#options;
    const context = { queue: this.#queue, router: this.#router, mountTimeoutMs };
    const link = new SharedRootLink(root, context, events, () => this.#links.delete(link));
    this.#links.add(link);
    return link;
  }

  /** `{}`, or the session of the join before with the roots that the server shall keep (protocol.md section 2). */
  #joinPayload(): object {
    const session = this.#session;
    if (session === undefined) return {};
    this.#asked = this.#keptRootIds();
    return { session: { id: session.id, token: session.token, keep: this.#asked } };
  }

  #keptRootIds(): string[] {
    return Array.from(this.#links, ({ keptRootId }) => keptRootId).filter((rootId) => rootId !== undefined);
  }

  #handleJoined(response: unknown): void {
    const join = readJoin(response, this.#session);
    this.#session = join.session;
    if (!join.isSameSession) this.#asked = [];
    this.#events.handleJoined(join);
  }

  #handleError(reason: unknown): void {
    const isTransport = !this.#options.socket.isConnected() || (isObject(reason) && reason["source"] === "transport");
    if (!isTransport) this.#queue.crashed();
    this.#events.handleLost(isTransport ? undefined : { kind: "channel_crashed" });
  }

  #handleClose(): void {
    this.#channel = undefined;
    this.#session = undefined;
    this.#events.handleClosed();
  }
}
