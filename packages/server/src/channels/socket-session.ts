import {
  type Clock,
  decodeBinaryFrame,
  decodeTextFrame,
  type Frame,
  HEARTBEAT,
  jsonSize,
  type JsonValue,
  MAX_JSON_DEPTH,
  PHOENIX_TOPIC,
  PHX_CLOSE,
  PHX_JOIN,
  PHX_LEAVE,
} from "@musubi/protocol";
import type { Logger } from "../logger.js";
import { isBroadcast, pubsubTopic } from "./broadcast.js";
import type { ConnectedSocket } from "./channel.js";
import type { ChannelHost, HeldChannel } from "./channel-host.js";
import { ChannelProcess } from "./channel-process.js";
import type { ChannelRouter } from "./channel-router.js";
import { isTooDeep } from "./json-depth.js";
import { type Outgoing, pushMessage, replyMessage } from "./outgoing.js";
import type { PubSub, Unsubscribe } from "./pubsub.js";
import { RateLimit } from "./rate-limit.js";
import type { SessionLimits } from "./session-limits.js";
import type { Lane } from "./topic-members.js";
import type { TrafficMeter } from "./traffic.js";

/** Why the server ends a socket; a transport has its own code for each. */
export type SessionEnd =
  /** The client sent what is no message, or an answer could not be given. */
  | "failed"
  /** Somebody asked for it: `disconnect(socketId)`. */
  | "disconnected"
  /** The server goes down. */
  | "shutdown";

/** The longest topic and refs of a join, in characters of their JSON together. */
const MAX_NAMES_LENGTH = 4096;

/** What carries a session's messages: a WebSocket, or anything else that can. */
export interface SessionTransport {
  /** Sends a message, in order; drops it once the transport is closing. */
  send(message: Outgoing): void;
  /** The same for a broadcast, which passes the session by: the transport counts it. Without this the session sends it. */
  relay?(message: Outgoing): void;
  /** Says goodbye; `transportClosed` follows when it has gone. */
  close(end: SessionEnd): void;
}

/** What all sockets of an endpoint share. */
export interface SessionEnvironment {
  readonly router: ChannelRouter;
  readonly pubsub: PubSub;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly limits: SessionLimits;
  /** Counts what is sent, for whoever wants to know. */
  readonly traffic?: TrafficMeter;
}

/**
 * One client's socket: routes frames to the channels joined on it and answers what no channel does (FRAMES.md).
 *
 * Knows no WebSocket: a transport hands it messages and carries its answers. Nothing throws out of it.
 */
export class SocketSession implements ChannelHost, Lane {
  // These come first, and so next to each other, because a broadcast reads them of every session.
  #isOpen = true;
  readonly #environment: SessionEnvironment;
  readonly #transport: SessionTransport;
  readonly socket: ConnectedSocket;
  readonly logger: Logger;
  readonly pubsub: PubSub;
  readonly maxMailbox: number;
  // Made when they are first needed: most sockets of a large server are idle.
  #channels: Map<string, ChannelProcess> | undefined;
  /** Channels whose code still runs, those that have left their topic included. */
  #running: Set<HeldChannel> | undefined;
  #joins: RateLimit | undefined;
  #pushes: RateLimit | undefined;
  readonly #unsubscribe: Unsubscribe | undefined;
  #waitingBytes = 0;
  #drained: (() => void)[] | undefined;

  constructor(environment: SessionEnvironment, transport: SessionTransport, socket: ConnectedSocket) {
    this.#environment = environment;
    this.#transport = transport;
    this.socket = socket;
    this.logger = environment.logger;
    this.pubsub = environment.pubsub;
    this.maxMailbox = environment.limits.maxMailbox;
    if (socket.id !== null) {
      this.#unsubscribe = this.pubsub.subscribe(pubsubTopic(socket.id), (message) => {
        if (isBroadcast(message) && message.event === "disconnect") this.close("disconnected");
      });
    }
  }

  get lane(): Lane {
    return isLane(this.#transport) ? this.#transport : this;
  }

  /** How many topics are joined or being joined. */
  get channelCount(): number {
    return this.#channels?.size ?? 0;
  }

  /** Takes a text message; one that is no frame closes the socket. */
  receiveText(text: string): void {
    if (!this.#isOpen) return;
    let frame: Frame<JsonValue>;
    try {
      frame = decodeTextFrame(text);
    } catch (cause) {
      this.fail(cause);
      return;
    }
    // A value of that depth cannot be written shorter.
    this.#receive(frame, text.length, text.length > 2 * MAX_JSON_DEPTH && Object.values(frame).some(isDeep));
  }

  /** Takes a binary message; one that is no frame closes the socket. */
  receiveBinary(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    let frame: Frame<Uint8Array>;
    try {
      frame = decodeBinaryFrame(bytes);
    } catch (cause) {
      this.fail(cause);
      return;
    }
    this.#receive(frame, bytes.length, false);
  }

  /** Ends the socket from this side: the transport says goodbye and every channel ends without a word. */
  close(end: SessionEnd): void {
    if (!this.#isOpen) return;
    this.#transport.close(end);
    this.#end(end === "shutdown" ? "server_shutdown" : "transport_closed");
  }

  /** For the transport: it has gone, whoever ended it. */
  transportClosed(): void {
    this.#end("transport_closed");
  }

  /** Resolves when no code of this socket's channels runs any more. */
  drained(): Promise<void> {
    if (this.#running === undefined || this.#running.size === 0) return Promise.resolve();
    const drained = (this.#drained ??= []);
    return new Promise((resolve) => drained.push(resolve));
  }

  send(message: Outgoing): void {
    if (!this.#isOpen) return;
    this.#transport.send(message);
    this.#environment.traffic?.sent(message);
  }

  relay(message: Outgoing): void {
    this.send(message);
  }

  dispatch(frame: Frame, bytes: number): void {
    if (!this.#isOpen) return;
    const { topic, event, ref, joinRef } = frame;
    if (topic === PHOENIX_TOPIC && event === HEARTBEAT) {
      this.send(replyMessage(null, ref, topic, "ok", {}));
      return;
    }
    const channel = typeof topic === "string" ? this.#channels?.get(topic) : undefined;
    if (event === PHX_JOIN) {
      this.#join(frame, channel);
    } else if (channel !== undefined) {
      // A stale join ref: the frame was meant for an earlier join of the topic.
      if (channel.accepts(joinRef)) channel.receive(frame, bytes);
    } else if (event === PHX_LEAVE) {
      this.send(replyMessage(joinRef, ref, topic, "ok", {}));
    } else {
      this.#refuse(frame, "unmatched topic");
    }
  }

  reserve(bytes: number): boolean {
    if (this.#waitingBytes + bytes > this.#environment.limits.maxMailboxBytes && this.#waitingBytes > 0) return false;
    this.#waitingBytes += bytes;
    return true;
  }

  unreserve(bytes: number): void {
    this.#waitingBytes -= bytes;
  }

  release(channel: HeldChannel): void {
    if (this.#channels?.get(channel.topic) === channel) this.#channels.delete(channel.topic);
  }

  finished(channel: HeldChannel): void {
    this.#running?.delete(channel);
    if (this.#running !== undefined && this.#running.size > 0) return;
    const drained = this.#drained ?? [];
    this.#drained = undefined;
    for (const resolve of drained) resolve();
  }

  fail(cause: unknown): void {
    this.logger.warn({ err: cause, socketId: this.socket.id }, "a socket is closed for what was sent on it");
    this.close("failed");
  }

  #receive(frame: Frame, bytes: number, isDeepSomewhere: boolean): void {
    if (!this.#mayPass(frame, isDeepSomewhere)) this.#refuse(frame, "rate_limited");
    else if (isDeepSomewhere) this.#refuse(frame, "too_deep");
    else this.dispatch(frame, bytes);
  }

  #mayPass(frame: Frame, isDeepSomewhere: boolean): boolean {
    const { topic, event } = frame;
    const channel = typeof topic === "string" && !isDeepSomewhere ? this.#channels?.get(topic) : undefined;
    // A client can always leave what it has joined: phoenix.js waits for that answer for ever.
    if (channel?.isFirstLeave(frame) === true) return true;
    const { clock, limits } = this.#environment;
    const now = clock.now();
    if (event === PHX_JOIN) {
      this.#joins ??= new RateLimit(limits.maxJoinsPerSecond, now);
      return this.#joins.take(now);
    }
    this.#pushes ??= new RateLimit(limits.maxPushesPerSecond, now);
    return this.#pushes.take(now);
  }

  #join(frame: Frame, held: ChannelProcess | undefined): void {
    const { topic, ref, joinRef } = frame;
    // They are kept for as long as the channel lives.
    if (jsonSize([topic, ref, joinRef], MAX_NAMES_LENGTH, true) > MAX_NAMES_LENGTH) {
      this.#refuse(frame, "too_large");
      return;
    }
    const definition = typeof topic === "string" ? this.#environment.router.match(topic) : undefined;
    if (typeof topic !== "string" || definition === undefined) {
      this.#refuse(frame, "unmatched topic");
      return;
    }
    let replaced = held === undefined ? [] : held.replace();
    const { maxChannels } = this.#environment.limits;
    // Those of a client that never waits for an answer.
    if (replaced.length > 2 * maxChannels) {
      this.#tellReplaced(topic, replaced);
      replaced = [];
    }
    // The second bound: joins whose code still runs although their client has long gone on.
    this.#channels ??= new Map();
    this.#running ??= new Set();
    if (this.#channels.size >= maxChannels || this.#running.size >= 2 * maxChannels) {
      this.send(replyMessage(joinRef, ref, topic, "error", { reason: "too many channels joined" }));
      this.#tellReplaced(topic, replaced);
      return;
    }
    const channel = new ChannelProcess(this, definition, topic, frame, replaced);
    this.#channels.set(topic, channel);
    this.#running.add(channel);
    channel.start(frame.payload);
  }

  #tellReplaced(topic: string, joinRefs: readonly JsonValue[]): void {
    for (const joinRef of joinRefs) this.send(pushMessage(joinRef, topic, PHX_CLOSE, {}, joinRef));
  }

  // An error that no channel gives has no join ref (FRAMES.md, "no route for the topic").
  #refuse(frame: Frame, reason: string): void {
    const topic = isDeep(frame.topic) ? null : frame.topic;
    const ref = isDeep(frame.ref) ? null : frame.ref;
    this.send(replyMessage(null, ref, topic, "error", { reason }));
  }

  #end(reason: "transport_closed" | "server_shutdown"): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#unsubscribe?.();
    for (const channel of this.#channels?.values() ?? []) channel.disconnect(reason);
  }
}

function isLane(transport: Partial<Lane>): transport is Lane {
  return transport.relay !== undefined;
}

function isDeep(value: unknown): boolean {
  return isTooDeep(value);
}
