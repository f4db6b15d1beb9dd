import type { Frame } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import type { ConnectedSocket } from "./channel.js";
import type { Outgoing } from "./outgoing.js";
import type { PubSub } from "./pubsub.js";
import type { Lane } from "./topic-members.js";

/** A channel as its host knows it: by identity, and by the topic it holds. */
export interface HeldChannel {
  readonly topic: string;
}

/** What a channel asks of the socket session that holds it. */
export interface ChannelHost {
  readonly socket: ConnectedSocket;
  readonly logger: Logger;
  readonly pubsub: PubSub;
  /** Most pushes and intercepted broadcasts that wait for one channel. */
  readonly maxMailbox: number;
  send(message: Outgoing): void;
  /** The way of broadcasts to the client, past everything that can be passed. */
  readonly lane: Lane;
  /** Takes a frame as if it had just come. */
  dispatch(frame: Frame, bytes: number): void;
  /** Counts the bytes of a waiting frame; `false` when the socket may hold no more of them. */
  reserve(bytes: number): boolean;
  unreserve(bytes: number): void;
  /** The channel takes no more frames of its topic. */
  release(channel: HeldChannel): void;
  /** None of the channel's code runs any more. */
  finished(channel: HeldChannel): void;
  /** Closes the whole socket: a join's answer cannot be encoded, and Phoenix dies of that too. */
  fail(cause: unknown): void;
}
