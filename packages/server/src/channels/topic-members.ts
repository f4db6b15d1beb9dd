import type { Logger } from "../logger.js";
import { type Broadcast, frameOf, isBroadcast, pubsubTopic } from "./broadcast.js";
import type { Outgoing } from "./outgoing.js";
import type { PubSub, Unsubscribe } from "./pubsub.js";

/** A channel that has joined a topic. */
export interface TopicMember {
  readonly logger: Logger;
  /** Takes a broadcast of the topic. */
  hear(broadcast: Broadcast): void;
}

/** The way to a member's client, past the member. */
export interface Lane {
  /** Sends what goes to everybody, and sees to it that it is counted. */
  relay(message: Outgoing): void;
}

const topics = new WeakMap<PubSub, Map<string, TopicMembers>>();

/**
 * Adds a member to a topic; `delete` it from what is returned. Throws what a PubSub throws upon a subscription.
 *
 * A member with a lane hears only what is not for all; with `null` it hears everything.
 */
export function joinTopic(pubsub: PubSub, topic: string, member: TopicMember, lane: Lane | null): TopicMembers {
  const ofPubSub = topics.get(pubsub) ?? new Map<string, TopicMembers>();
  topics.set(pubsub, ofPubSub);
  const members = ofPubSub.get(topic) ?? new TopicMembers(pubsub, topic, member.logger, () => ofPubSub.delete(topic));
  members.add(member, lane);
  ofPubSub.set(topic, members);
  return members;
}

/**
 * Everybody in this process who has joined one topic through one PubSub, behind one subscription.
 *
 * With thousands of members a broadcast costs mostly the memory that is touched for each. So it is judged and encoded
 * once and goes down the lanes, if all members have one; and a member costs nothing but its place here.
 */
export class TopicMembers {
  readonly #pubsub: PubSub;
  readonly #topic: string;
  readonly #logger: Logger;
  readonly #emptied: () => void;
  readonly #members = new Map<TopicMember, Lane | null>();
  /** Members without a lane. */
  #withoutLane = 0;
  #unsubscribe: Unsubscribe | undefined;

  constructor(pubsub: PubSub, topic: string, logger: Logger, emptied: () => void) {
    this.#pubsub = pubsub;
    this.#topic = topic;
    this.#logger = logger;
    this.#emptied = emptied;
  }

  /** For {@link joinTopic}. */
  add(member: TopicMember, lane: Lane | null): void {
    this.#unsubscribe ??= this.#pubsub.subscribe(pubsubTopic(this.#topic), (message) => this.#tell(message));
    this.#members.set(member, lane);
    if (lane === null) this.#withoutLane += 1;
  }

  /** Does nothing for one that is none. */
  delete(member: TopicMember): void {
    const lane = this.#members.get(member);
    if (lane === undefined) return;
    this.#members.delete(member);
    if (lane === null) this.#withoutLane -= 1;
    if (this.#members.size > 0) return;
    this.#emptied();
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #tell(message: unknown): void {
    if (!isBroadcast(message)) return;
    const frame = this.#withoutLane === 0 && message.except === null ? this.#encode(message) : undefined;
    // Copies: who joins while this is told hears only what comes later.
    if (frame === undefined) this.#each([...this.#members.keys()], (member) => member.hear(message));
    else this.#each([...this.#members.values()] as Lane[], (lane) => lane.relay(frame));
  }

  /** The frame; `undefined` for what cannot be encoded, of which each member has to hear. */
  #encode(message: Broadcast): Outgoing | undefined {
    try {
      return frameOf(this.#topic, message);
    } catch {
      return undefined;
    }
  }

  #each<Told>(all: readonly Told[], tell: (one: Told) => void): void {
    for (const one of all) {
      try {
        tell(one);
      } catch (cause) {
        this.#logger.error({ err: cause, topic: this.#topic }, "a channel failed to take a broadcast");
      }
    }
  }
}
