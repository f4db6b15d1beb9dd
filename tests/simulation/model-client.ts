import { encodeTextFrame, type JsonValue, PHX_CLOSE, PHX_ERROR, PHX_REPLY } from "@musubi/protocol";
import type { MemoryPeer } from "@musubi/testing";
import type { ModelSession } from "./model-session.js";
import type { RootRun } from "./root-run.js";

/** One connection of a client, over a socket that it may share with others; what it has joined and mounted. */
export class ModelClient {
  /** Of the connection channel; where roots have channels of their own, what those begin with. */
  readonly topic: string;
  roots: Map<string, RootRun> = new Map();
  session: ModelSession | undefined;
  /** Pairs that were mounted in this join. */
  readonly known: Set<string> = new Set();
  /** Pairs that no unmount takes away in this join. */
  readonly stuck: Set<string> = new Set();
  /** Mounts that were answered and have not begun, by `root_id`. */
  readonly beginning: Map<string, { readonly pair: string }> = new Map();
  /** Mounts that have begun and are not answered, by `root_id`. */
  readonly unanswered: Map<string, { readonly pair: string }> = new Map();
  /** The ref of each topic's join. */
  readonly joinRefs: Map<string, string> = new Map();
  readonly #peer: MemoryPeer;
  readonly #hasOwnChannels: boolean;

  constructor(peer: MemoryPeer, topic: string, hasOwnChannels: boolean) {
    this.topic = topic;
    this.#peer = peer;
    this.#hasOwnChannels = hasOwnChannels;
  }

  /** The topic of a root's channel. */
  topicOf(rootId: string): string {
    return this.#hasOwnChannels ? `${this.topic}:${rootId}` : this.topic;
  }

  /** The `root_id` that is part of a topic, where roots have channels of their own. */
  rootIdIn(topic: string): string {
    return topic.slice(this.topic.length + 1);
  }

  /** Whether a topic is one of this connection's. */
  owns(topic: string): boolean {
    return this.#hasOwnChannels ? topic.startsWith(`${this.topic}:`) : topic === this.topic;
  }

  find(pair: string): RootRun | undefined {
    for (const run of this.roots.values()) if (run.pair === pair) return run;
    return undefined;
  }

  /** Pushes an event of a root, if its channel is joined. */
  push(rootId: string, event: string, payload: JsonValue): void {
    const topic = this.topicOf(rootId);
    const joinRef = this.joinRefs.get(topic);
    if (joinRef !== undefined) this.#send({ joinRef, ref: null, topic, event, payload });
  }

  reply(to: { joinRef: string | null; ref: string | null; topic: string }, status: string, response: JsonValue): void {
    this.#send({ ...to, event: PHX_REPLY, payload: { status, response } });
  }

  /** The server's side of a channel ends. Returns whether it was there. */
  endChannel(topic: string, how: "close" | "crash"): boolean {
    const joinRef = this.joinRefs.get(topic);
    this.forget(topic);
    if (joinRef === undefined) return false;
    const event = how === "close" ? PHX_CLOSE : PHX_ERROR;
    const payload = how === "close" ? {} : { reason: "channel_crash" };
    this.#send({ joinRef, ref: joinRef, topic, event, payload });
    return true;
  }

  /** The join of a topic is over, with all that was mounted in it. */
  forget(topic: string): void {
    this.joinRefs.delete(topic);
    if (topic !== this.topic) {
      const rootId = this.rootIdIn(topic);
      this.roots.delete(rootId);
      this.beginning.delete(rootId);
      return;
    }
    this.roots = new Map();
    this.session = undefined;
    this.known.clear();
    this.stuck.clear();
    this.beginning.clear();
    this.unanswered.clear();
  }

  #send(frame: Parameters<typeof encodeTextFrame>[0]): void {
    this.#peer.send(encodeTextFrame(frame));
  }
}
