import { isObject, PATCH, UNMOUNT } from "@musubi/protocol";
import type { ConnectionReason } from "./connection-detail.js";
import type { JoinEnd } from "./connection-state.js";
import { HeldMessages } from "./held-messages.js";
import { type Join, readJoin } from "./join.js";
import { type ChannelOwner, LiveChannel, type RootMessage } from "./live-channel.js";
import { MountQueue } from "./mount-queue.js";
import { MountedPairs } from "./mounted-pairs.js";
import type { LinkAnswer, LinkedRoot } from "./root-link.js";
import { SharedRootLink } from "./shared-root-link.js";
import type { Topology, TopologyHost } from "./topology.js";

/**
 * One channel that all roots of a connection share (protocol.md section 2). It owns the session, and leads messages to
 * the roots they name: those of a `root_id` that nobody answers to are held while mounts are in flight, else answered
 * by one `unmount` per join.
 */
export class SharedTopology implements Topology, ChannelOwner {
  readonly queue: MountQueue<SharedRootLink> = new MountQueue();
  /** The roots of this join, by what the server calls them. */
  readonly byRootId: Map<string, SharedRootLink> = new Map();
  readonly mounted: MountedPairs = new MountedPairs();
  /** Whether this server was seen to answer `root_id = id`. */
  namesRootsById = false;
  readonly #host: TopologyHost;
  readonly #links = new Set<SharedRootLink>();
  readonly #held = new HeldMessages<readonly [RootMessage, unknown]>();
  readonly #strangers = new Set<string>();
  #channel: LiveChannel | undefined;
  /** The present join, or the last one: the next may go on with its session. */
  #join: Join | undefined;
  /** What the join under way asks the server to keep. */
  #asked: readonly string[] = [];

  constructor(host: TopologyHost) {
    this.#host = host;
  }

  get isOpen(): boolean {
    return this.#channel?.isOpen === true;
  }

  open(): void {
    const { socket, topic } = this.#host;
    this.#channel = new LiveChannel(this.#host, topic, () => this.#joinPayload(), this);
    if (!socket.isConnected()) socket.connect();
  }

  close(): void {
    this.#endJoin();
    this.#channel?.leave();
    this.#channel = undefined;
  }

  createLink(root: LinkedRoot): SharedRootLink {
    const link = new SharedRootLink(root, this);
    this.#links.add(link);
    return link;
  }

  forget(link: SharedRootLink): void {
    this.#links.delete(link);
    this.queue.forget(link);
  }

  push(
    event: string,
    payload: object,
    answer: (answer: LinkAnswer) => void = () => {},
    timeoutMs: number = this.#host.mountTimeoutMs,
  ): () => void {
    return this.#channel?.push(event, payload, timeoutMs, answer) ?? (() => {});
  }

  /** Says what a mount came to by `tell`, then lets the queue and what is held go on. */
  answered(link: SharedRootLink, tell: () => void): void {
    // First, since the root may ask again as soon as it is told, and that mount is unanswered.
    this.queue.answered(link);
    tell();
    this.queue.proceed();
    // With no mount in flight, what is still held is nobody's.
    if (this.queue.isIdle) for (const rootId of this.#held.clear()) this.#dismiss(rootId);
  }

  /** A mount reply named `link`: what was held for it follows, in order. Others that hold out go on waiting. */
  register(rootId: string, link: SharedRootLink): void {
    this.byRootId.set(rootId, link);
    const held = this.#held.take(rootId);
    if (held === undefined) link.root.recover("too many early messages");
    else for (const message of held) link.handleMessage(...message);
  }

  handleMessage(event: RootMessage, payload: unknown): void {
    const rootId = isObject(payload) ? payload["root_id"] : undefined;
    if (typeof rootId !== "string") return;
    const link = this.byRootId.get(rootId);
    if (link !== undefined) link.handleMessage(event, payload);
    else if (!this.queue.isIdle) this.#held.hold(rootId, [event, payload]);
    else if (event === PATCH) this.#dismiss(rootId);
  }

  handleJoined(response: unknown): void {
    this.#endJoin();
    const join = (this.#join = readJoin(response, this.#join));
    if (join.isSameSession) {
      // A root that was given up before the join was answered is kept by the server, and nobody will ask for it.
      const wanted = new Set(this.#keptRootIds());
      for (const rootId of this.#asked) if (!wanted.has(rootId)) this.push(UNMOUNT, { root_id: rootId });
    }
    this.#host.handleJoined(join);
  }

  handleUnjoined(end: JoinEnd, reason?: ConnectionReason): void {
    if (reason?.kind === "channel_crashed") this.queue.crashed();
    this.#endJoin();
    if (end === "channel_closed") this.#channel = this.#join = undefined;
    this.#host.handleUnjoined(end, reason);
  }

  #endJoin(): void {
    this.queue.endJoin();
    this.byRootId.clear();
    this.mounted.clear();
    this.#held.clear();
    this.#strangers.clear();
  }

  #dismiss(rootId: string): void {
    if (this.#strangers.has(rootId)) return;
    this.#strangers.add(rootId);
    this.push(UNMOUNT, { root_id: rootId });
  }

  /** `{}`, or the session of the join before with the roots that the server shall keep (protocol.md section 2). */
  #joinPayload(): object {
    const session = this.#join?.session;
    if (session === undefined) return {};
    this.#asked = this.#keptRootIds();
    return { session: { ...session, keep: this.#asked } };
  }

  #keptRootIds(): string[] {
    return Array.from(this.#links, ({ keptRootId }) => keptRootId).filter((rootId) => rootId !== undefined);
  }
}
