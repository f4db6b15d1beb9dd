import type { Logger } from "../logger.js";
import { type Broadcast, isBroadcast, pubsubTopic } from "./broadcast.js";
import type { PubSub, Unsubscribe } from "./pubsub.js";

/** A channel that has joined a topic. */
export interface TopicMember {
  readonly logger: Logger;
  /** Takes a broadcast of the topic. */
  hear(broadcast: Broadcast): void;
}

const topics = new WeakMap<PubSub, Map<string, TopicMembers>>();

/** Adds a member to a topic; `delete` it from what is returned. Throws what a PubSub throws upon a subscription. */
export function joinTopic(pubsub: PubSub, topic: string, member: TopicMember): TopicMembers {
  const ofPubSub = topics.get(pubsub) ?? new Map<string, TopicMembers>();
  topics.set(pubsub, ofPubSub);
  const members = ofPubSub.get(topic) ?? new TopicMembers(pubsub, topic, () => ofPubSub.delete(topic));
  members.add(member);
  ofPubSub.set(topic, members);
  return members;
}

/**
 * Everybody in this process who has joined one topic through one PubSub, behind one subscription.
 *
 * With thousands of members a broadcast costs mostly the memory that is touched for each, so that nothing stands between
 * this and a member, and a member costs nothing but its place here.
 */
export class TopicMembers {
  readonly #pubsub: PubSub;
  readonly #topic: string;
  readonly #emptied: () => void;
  readonly #members = new Set<TopicMember>();
  #unsubscribe: Unsubscribe | undefined;

  constructor(pubsub: PubSub, topic: string, emptied: () => void) {
    this.#pubsub = pubsub;
    this.#topic = topic;
    this.#emptied = emptied;
  }

  /** For {@link joinTopic}. */
  add(member: TopicMember): void {
    this.#unsubscribe ??= this.#pubsub.subscribe(pubsubTopic(this.#topic), (message) => this.#tell(message));
    this.#members.add(member);
  }

  /** Does nothing for one that is none. */
  delete(member: TopicMember): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#emptied();
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #tell(message: unknown): void {
    if (!isBroadcast(message)) return;
    // A copy: who joins while this is told hears only what comes later.
    const members = [...this.#members];
    for (const member of members) {
      try {
        member.hear(message);
      } catch (cause) {
        member.logger.error({ err: cause, topic: this.#topic }, "a channel failed to take a broadcast");
      }
    }
  }
}
