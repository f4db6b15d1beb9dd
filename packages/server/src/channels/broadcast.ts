import { isObject } from "@musubi/protocol";
import { broadcastMessage, type Outgoing } from "./outgoing.js";
import type { PubSub } from "./pubsub.js";

/** An event for every client of a topic, as it travels through PubSub: plain data, so that an adapter can carry it. */
export interface Broadcast {
  readonly event: string;
  readonly payload: unknown;
  /** The channel that shall not get it (`broadcastFrom`); `null` for nobody. */
  readonly except: string | null;
}

/** The PubSub topic of a channel topic; the prefix keeps an app's own PubSub messages out of channels. */
export function pubsubTopic(topic: string): string {
  return `phx:${topic}`;
}

// One encoding per broadcast, made for the first socket and shared by the rest.
const encoded = new WeakMap<Broadcast, Outgoing>();

/** Publishes a broadcast. Throws for a payload that cannot be encoded, before anyone has seen it. */
export function publish(pubsub: PubSub, topic: string, broadcast: Broadcast): void {
  encoded.set(broadcast, broadcastMessage(topic, broadcast.event, broadcast.payload));
  pubsub.publish(pubsubTopic(topic), broadcast);
}

/** The frame of a broadcast; what an adapter brought from elsewhere is encoded here. */
export function frameOf(topic: string, broadcast: Broadcast): Outgoing {
  let outgoing = encoded.get(broadcast);
  if (outgoing === undefined) {
    outgoing = broadcastMessage(topic, broadcast.event, broadcast.payload);
    encoded.set(broadcast, outgoing);
  }
  return outgoing;
}

/** Whether a PubSub message is a broadcast; an adapter may bring anything. */
export function isBroadcast(message: unknown): message is Broadcast {
  return isObject(message) && typeof message["event"] === "string" && "payload" in message;
}
