import { isObject, UNMOUNT } from "@musubi/protocol";
import { HeldMessages, type RoutedEvent } from "./held-messages.js";
import type { MountQueue } from "./mount-queue.js";
import type { JoinRequests } from "./requests.js";

/** A root as the router sees it. */
export interface RoutedRoot {
  readonly key: string;
  handleMessage(event: RoutedEvent, payload: unknown): void;
  /** Messages for this root came too early and were too many to keep. */
  handleOverflow(): void;
}

/**
 * Leads the messages of the shared channel to the roots they name, in one join (protocol.md section 2). Messages of
 * a `root_id` that nobody answers to are held while mounts are in flight, else answered by one `unmount` per join.
 */
export class RootRouter {
  readonly #byRootId = new Map<string, RoutedRoot>();
  readonly #held = new HeldMessages();
  readonly #strangers = new Set<string>();
  readonly #queue: MountQueue;
  readonly #timeoutMs: number;
  #requests: JoinRequests | undefined;
  /** Pairs whose `mount` was pushed in this join and not undone by an answered `unmount`, with the first one's params. */
  readonly mountedThisJoin: Map<string, string> = new Map();
  /** Whether this server was seen to answer `root_id = id`. */
  namesRootsById = false;

  constructor(queue: MountQueue, timeoutMs: number) {
    this.#queue = queue;
    this.#timeoutMs = timeoutMs;
  }

  get requests(): JoinRequests | undefined {
    return this.#requests;
  }

  beginJoin(requests: JoinRequests): void {
    this.#requests = requests;
  }

  endJoin(): void {
    this.#requests?.end();
    this.#requests = undefined;
    this.#byRootId.clear();
    this.#held.clear();
    this.#strangers.clear();
    this.mountedThisJoin.clear();
  }

  /** The root that answers to `rootId` in this join. */
  find(rootId: string): RoutedRoot | undefined {
    return this.#byRootId.get(rootId);
  }

  /** A mount reply named `root`: what was held for it follows, in order. Others that hold out go on waiting. */
  register(rootId: string, root: RoutedRoot): void {
    this.#byRootId.set(rootId, root);
    const held = this.#held.take(rootId);
    if (held.overflowed) {
      root.handleOverflow();
      return;
    }
    for (const message of held.messages) root.handleMessage(message.event, message.payload);
  }

  unregister(rootId: string): void {
    this.#byRootId.delete(rootId);
  }

  /** To be called after each answered mount: with none in flight, what is still held is nobody's. */
  settleHeld(): void {
    if (this.#queue.unanswered > 0) return;
    const strangers = this.#held.rootIds();
    this.#held.clear();
    for (const rootId of strangers) this.#dismiss(rootId);
  }

  /** Takes a message of the channel. One without a `root_id` is ignored. */
  route(event: RoutedEvent, payload: unknown): void {
    if (!isObject(payload)) return;
    const rootId = payload["root_id"];
    if (typeof rootId !== "string") return;
    const root = this.#byRootId.get(rootId);
    if (root !== undefined) root.handleMessage(event, payload);
    else if (this.#queue.unanswered > 0) this.#held.hold(rootId, { event, payload });
    else if (event === "patch") this.#dismiss(rootId);
  }

  #dismiss(rootId: string): void {
    if (this.#strangers.has(rootId)) return;
    this.#strangers.add(rootId);
    this.#requests?.push(UNMOUNT, { root_id: rootId }, this.#timeoutMs, () => {});
  }
}
