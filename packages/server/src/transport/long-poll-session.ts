import { randomBytes } from "node:crypto";
import type { Clock, TimerHandle } from "@musubi/protocol";
import type { ConnectedSocket } from "../channels/channel.js";
import type { Outgoing } from "../channels/outgoing.js";
import { type SessionEnvironment, type SessionTransport, SocketSession } from "../channels/socket-session.js";
import type { ConnectAccepted, ConnectRequest } from "./connect.js";
import type { Connection } from "./connection-set.js";
import { DrainListeners } from "./drain-listeners.js";
import { type Flushable, flushLater } from "./flush-queue.js";

/** What a poll is told, in the words of the body's `status` (FRAMES.md, "Longpoll"). */
export type PollAnswer =
  | { readonly status: 200; readonly messages: readonly string[] }
  /** Nothing came within the window. */
  | { readonly status: 204 }
  /** The session is gone. */
  | { readonly status: 410 }
  /** There is a message that a poll cannot carry. */
  | { readonly status: 500 };

/** A poll, wherever its client is connected. */
export interface Poll {
  /** Answers it, once; `taken` is called when nothing of the answer waits here any more. Does not throw. */
  answer(answer: PollAnswer, taken: () => void): void;
  /** Drops what of the answer nobody has taken. Does not throw. */
  cut(): void;
}

/** What all long-poll sessions of an endpoint share. */
export interface LongPollSessionOptions {
  readonly environment: SessionEnvironment;
  /** How long a poll is held, in milliseconds. */
  readonly windowMs: number;
  /** Hard bound of bytes that the client has not fetched; past it the session is ended. */
  readonly maxUnsentBytes: number;
  /** The session takes and gives nothing more. */
  readonly closed: (session: LongPollSession) => void;
  /** Nothing of it is left: what a poll was answered last has been taken too. */
  readonly ended: (session: LongPollSession) => void;
}

/** Polls of one session that are held at once; one more, and the oldest is let go before its window is over. */
const MAX_POLLS = 4;

interface HeldPoll {
  readonly poll: Poll;
  readonly timer: TimerHandle;
}

/** Carries one session over HTTP requests: keeps what there is to say until the client polls for it. */
export class LongPollSession implements SessionTransport, Connection, Flushable {
  readonly id: string = randomBytes(16).toString("base64url");
  readonly session: SocketSession;
  /** When the client last polled, by the environment's clock. */
  lastHeardAt: number;
  readonly #options: LongPollSessionOptions;
  readonly #clock: Clock;
  /** The newest is last, and gets what there is to say. */
  #polls: HeldPoll[] = [];
  #waiting: Outgoing[] = [];
  #unsentBytes = 0;
  #isFlushing = false;
  /** What was answered and not taken: what follows waits, or it could come without it. */
  #untaken: { readonly poll: Poll; readonly taken: () => void } | undefined;
  /** Made when somebody first waits. */
  #drains: DrainListeners | undefined;
  #isOpen = true;
  #hasEnded = false;

  constructor(request: ConnectRequest, accepted: ConnectAccepted, options: LongPollSessionOptions) {
    this.#options = options;
    this.#clock = options.environment.clock;
    this.lastHeardAt = this.#clock.now();
    const connected: ConnectedSocket = {
      id: accepted.id ?? null,
      params: request.params,
      headers: request.headers,
      user: accepted.user,
      unsentBytes: () => this.#unsentBytes,
      whenDrained: (listener) => this.#whenDrained(listener),
    };
    this.session = new SocketSession(options.environment, this, connected);
  }

  /** Answers a poll with what waits, or holds it until there is something or the window is over. */
  poll(poll: Poll): void {
    this.lastHeardAt = this.#clock.now();
    if (!this.#isOpen) {
      poll.answer({ status: 410 }, ignore);
      return;
    }
    const timer = this.#clock.setTimeout(() => this.#letGo(poll, { status: 204 }), this.#options.windowMs);
    this.#polls.push({ poll, timer });
    const [oldest] = this.#polls;
    if (oldest !== undefined && this.#polls.length > MAX_POLLS) this.#letGo(oldest.poll, { status: 204 });
    this.#flushLater();
  }

  /** The client of a poll has gone: what comes waits for the next one. */
  forget(poll: Poll): void {
    this.#drop(poll);
  }

  /** Takes messages of the client, in order; `false` once one of them has ended the session. */
  receive(messages: readonly (string | Uint8Array)[]): boolean {
    for (const message of messages) {
      try {
        if (typeof message === "string") this.session.receiveText(message);
        else this.session.receiveBinary(message);
      } catch (cause) {
        this.session.fail(cause);
      }
    }
    return this.#isOpen;
  }

  send(message: Outgoing): void {
    if (!this.#isOpen) return;
    // Judged before it is kept: one message may be of any size, and so may the first one after it.
    if (this.#unsentBytes > this.#options.maxUnsentBytes) {
      const details = { unsentBytes: this.#unsentBytes, socketId: this.session.socket.id };
      this.#options.environment.logger.warn(details, "a client that polls too slowly is cut off");
      this.#options.environment.traffic?.cut();
      this.cut();
      return;
    }
    this.#waiting.push(message);
    this.#unsentBytes += message.data.length;
    this.#flushLater();
  }

  flush(): void {
    this.#isFlushing = false;
    const held = this.#polls.at(-1);
    if (held === undefined || this.#waiting.length === 0 || this.#untaken !== undefined) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const bytes = waiting.reduce((sum, { data }) => sum + data.length, 0);
    const messages = waiting.map(({ data }) => textOf(data));
    if (messages.includes(undefined)) {
      // What was to be said with it is lost, so the session must not seem to go on.
      this.#letGo(held.poll, { status: 500 });
      this.session.fail(new Error("binary messages that are no UTF-8 cannot be sent over long-poll"));
      return;
    }
    const untaken = {
      poll: held.poll,
      taken: (): void => {
        if (this.#untaken !== untaken) return;
        this.#untaken = undefined;
        this.#unsentBytes -= bytes;
        this.#end();
        this.#drains?.tell();
        this.#flushLater();
      },
    };
    this.#untaken = untaken;
    this.#letGo(held.poll, { status: 200, messages: messages as string[] }, untaken.taken);
  }

  /** Whatever the reason, a client learns that its session is gone from the poll it has open, or from its next request. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.flush();
    for (const { poll } of this.#polls) this.#letGo(poll, { status: 410 });
    this.#waiting = [];
    this.#drains = undefined;
    this.#options.closed(this);
    this.#end();
  }

  /** Until then it counts, for as long as a silent session may. */
  #end(): void {
    if (this.#isOpen || this.#untaken !== undefined || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#options.ended(this);
  }

  /** Ends a session that nobody has polled for too long. */
  closeIdle(): void {
    this.cut();
  }

  cut(): void {
    const untaken = this.#untaken;
    this.close();
    this.session.transportClosed();
    untaken?.poll.cut();
    // A connection that dies while the answer still waits for others on it says nothing.
    untaken?.taken();
  }

  #flushLater(): void {
    if (this.#isFlushing || this.#polls.length === 0 || this.#waiting.length === 0) return;
    this.#isFlushing = true;
    flushLater(this);
  }

  #whenDrained(listener: () => void): () => void {
    this.#drains ??= new DrainListeners(this.#options.environment.logger);
    if (this.#unsentBytes === 0) process.nextTick(() => this.#drains?.tell());
    return this.#drains.add(listener);
  }

  #letGo(poll: Poll, answer: PollAnswer, taken: () => void = ignore): void {
    if (this.#drop(poll)) poll.answer(answer, taken);
  }

  #drop(poll: Poll): boolean {
    const held = this.#polls.find((one) => one.poll === poll);
    if (held === undefined) return false;
    this.#clock.clearTimeout(held.timer);
    this.#polls = this.#polls.filter((one) => one !== held);
    return true;
  }
}

const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A message as a string of JSON: Phoenix puts the bytes of binary ones there as they are. */
function textOf(data: string | Uint8Array): string | undefined {
  if (typeof data === "string") return data;
  try {
    return UTF_8.decode(data);
  } catch {
    return undefined;
  }
}

function ignore(): void {}
