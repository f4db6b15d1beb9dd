import { CONNECTION_TOPIC, encodeTextFrame, type JsonValue, PHX_CLOSE, PHX_ERROR, PHX_REPLY } from "@musubi/protocol";
import type { MemoryPeer } from "@musubi/testing";
import type { ModelSession } from "./model-session.js";
import type { RootRun } from "./root-run.js";

/** One connection, what it has joined, and what is mounted on it. */
export class ModelClient {
  roots: Map<string, RootRun> = new Map();
  session: ModelSession | undefined;
  /** Pairs that were mounted in this join. */
  readonly known: Set<string> = new Set();
  /** Pairs that no unmount takes away in this join. */
  readonly stuck: Set<string> = new Set();
  /** Mounts that were answered and have not begun, by `root_id`. */
  readonly beginning: Map<string, { readonly pair: string }> = new Map();
  /** The ref of each topic's join. */
  readonly joinRefs: Map<string, string> = new Map();
  readonly #peer: MemoryPeer;
  readonly #topicOf: (rootId: string) => string;

  constructor(peer: MemoryPeer, hasOwnChannels: boolean) {
    this.#peer = peer;
    this.#topicOf = hasOwnChannels ? (rootId) => `${CONNECTION_TOPIC}:${rootId}` : () => CONNECTION_TOPIC;
  }

  find(pair: string): RootRun | undefined {
    for (const run of this.roots.values()) if (run.pair === pair) return run;
    return undefined;
  }

  /** Pushes an event of a root, if its channel is joined. */
  push(rootId: string, event: string, payload: JsonValue): void {
    const topic = this.#topicOf(rootId);
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
    if (topic !== CONNECTION_TOPIC) {
      const rootId = topic.slice(CONNECTION_TOPIC.length + 1);
      this.roots.delete(rootId);
      this.beginning.delete(rootId);
      return;
    }
    this.roots = new Map();
    this.session = undefined;
    this.known.clear();
    this.stuck.clear();
    this.beginning.clear();
  }

  #send(frame: Parameters<typeof encodeTextFrame>[0]): void {
    this.#peer.send(encodeTextFrame(frame));
  }
}
