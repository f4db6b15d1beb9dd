import { randomBytes } from "node:crypto";
import { type Clock, isObject, type TimerHandle } from "@musubi/protocol";
import type { PubSub, Unsubscribe } from "../channels/pubsub.js";
import type { LongPollSession, Poll, PollAnswer } from "./long-poll-session.js";
import type { SessionAddress } from "./session-tokens.js";

/** What a client sent: text as a string, binary as bytes. */
export type Message = string | Uint8Array;

export interface LongPollRelayOptions {
  readonly pubsub: PubSub;
  readonly clock: Clock;
  /** The name of this endpoint among all that share the PubSub and the secret. */
  readonly home: string;
  /** The sessions that live here. */
  readonly sessions: ReadonlyMap<string, LongPollSession>;
  /** How long a session that lives elsewhere may take to show that it does, in milliseconds. */
  readonly timeoutMs: number;
  /** How long a poll is held, in milliseconds. */
  readonly windowMs: number;
}

/** One request to another endpoint, until it is answered. */
interface Asked {
  readonly address: SessionAddress;
  timer: TimerHandle;
  readonly answer: (answer: Answer) => void;
}

type Answer = PollAnswer | { readonly status: 408 } | { readonly status: "held" };

/** A request as it passes through a PubSub, which may carry no bytes. */
type Ask = { readonly from: string; readonly ref: string; readonly id: string } & (
  | { readonly ask: "poll" | "forget" }
  | { readonly ask: "receive"; readonly messages: readonly (readonly [isBinary: boolean, text: string])[] }
);

/**
 * Passes requests on to the endpoint where their session lives, through the PubSub: a load balancer sends the polls of
 * one client anywhere.
 */
export class LongPollRelay {
  readonly #options: LongPollRelayOptions;
  readonly #asked = new Map<string, Asked>();
  /** Polls of sessions here whose clients are connected elsewhere. */
  readonly #polls = new Map<string, { readonly session: LongPollSession; readonly poll: Poll }>();
  /** Messages that were told to polls elsewhere, until their clients have taken them. */
  readonly #told = new Map<string, { readonly timer: TimerHandle; readonly taken: () => void }>();
  /** Polls here that were answered from elsewhere, until their clients have taken that. */
  readonly #answered = new Map<string, TimerHandle>();
  #unsubscribe: Unsubscribe | undefined;

  constructor(options: LongPollRelayOptions) {
    this.#options = options;
  }

  /** Requests of clients here for sessions elsewhere that are under way. */
  get size(): number {
    return this.#asked.size + this.#answered.size;
  }

  /** From now on others reach the sessions here. */
  start(): void {
    const { pubsub, home } = this.#options;
    this.#unsubscribe ??= pubsub.subscribe(inboxOf(home), (message) => this.#heard(message));
  }

  /** Answers what is still asked with 410. */
  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    for (const ref of this.#asked.keys()) this.#giveUp(ref);
    for (const ref of this.#told.keys()) this.#take(ref);
    for (const ref of this.#answered.keys()) this.#taken(ref);
  }

  /** Polls a session elsewhere; returns what tells it that the client has gone. */
  poll(address: SessionAddress, poll: Poll): () => void {
    const ref = this.#ask(address, { ask: "poll" }, (answer) => {
      let taken = ignore;
      if (answer.status === 200) {
        const { clock, timeoutMs } = this.#options;
        const cut = (): void => {
          poll.cut();
          this.#taken(ref);
        };
        // By then its session has ended: there is no use in what is left of the answer.
        this.#answered.set(ref, clock.setTimeout(cut, timeoutMs));
        taken = () => {
          this.#taken(ref);
          this.#publish(address.home, { ref, taken: true });
        };
      }
      // A poll is never answered with the other statuses.
      poll.answer(answer as PollAnswer, taken);
    });
    return () => void this.#forget(ref);
  }

  #taken(ref: string): void {
    const timer = this.#answered.get(ref);
    if (timer !== undefined) this.#options.clock.clearTimeout(timer);
    this.#answered.delete(ref);
  }

  /** Hands messages to a session elsewhere; the status that its client gets. */
  receive(address: SessionAddress, messages: readonly Message[]): Promise<number> {
    const sent = messages.map((message): readonly [boolean, string] =>
      typeof message === "string" ? [false, message] : [true, Buffer.from(message).toString("base64")],
    );
    return new Promise((resolve) => {
      this.#ask(address, { ask: "receive", messages: sent }, ({ status }) => resolve(status === "held" ? 408 : status));
    });
  }

  #ask(
    address: SessionAddress,
    ask:
      | { readonly ask: "poll" }
      | { readonly ask: "receive"; readonly messages: readonly (readonly [boolean, string])[] },
    answer: (answer: Answer) => void,
  ): string {
    const { clock, timeoutMs } = this.#options;
    const ref = randomBytes(12).toString("base64url");
    const timer = clock.setTimeout(() => this.#giveUp(ref), timeoutMs);
    this.#asked.set(ref, { address, timer, answer });
    this.#publish(address.home, { from: this.#options.home, ref, id: address.id, ...ask });
    return ref;
  }

  #heard(message: unknown): void {
    // From an endpoint like this one: what it says has the shape that it is given here.
    if (!isObject(message) || typeof message["ref"] !== "string") return;
    if (typeof message["ask"] === "string") this.#serve(message as unknown as Ask);
    else if (message["taken"] === true) this.#take(message["ref"]);
    else this.#settle(message["ref"], message["answer"] as Answer);
  }

  #serve(ask: Ask): void {
    const { ref, from } = ask;
    const tell = (answer: Answer): void => this.#publish(from, { ref, answer });
    if (ask.ask === "forget") {
      const held = this.#polls.get(ref);
      this.#polls.delete(ref);
      held?.session.forget(held.poll);
      return;
    }
    const session = this.#options.sessions.get(ask.id);
    if (session === undefined) {
      tell({ status: 410 });
    } else if (ask.ask === "receive") {
      const messages = ask.messages.map(([isBinary, text]) => (isBinary ? Buffer.from(text, "base64") : text));
      tell(session.receive(messages) ? { status: 200, messages: [] } : { status: 408 });
    } else {
      tell({ status: "held" });
      const poll: Poll = {
        cut: () => this.#take(ref),
        answer: (answer, taken) => {
          this.#polls.delete(ref);
          tell(answer);
          if (answer.status === 200) this.#awaitTaken(ref, session, taken);
          else taken();
        },
      };
      this.#polls.set(ref, { session, poll });
      session.poll(poll);
    }
  }

  /**
   * Ends the session of a client that may have missed something: the endpoint that it polls may have died meanwhile, and
   * a proxy have sent its poll on to another as if nothing had happened.
   */
  #awaitTaken(ref: string, session: LongPollSession, taken: () => void): void {
    // Once stopped nobody is heard here, and all sessions end.
    if (this.#unsubscribe === undefined) {
      taken();
      return;
    }
    const { clock, timeoutMs } = this.#options;
    const timer = clock.setTimeout(() => session.cut(), timeoutMs);
    this.#told.set(ref, { timer, taken });
  }

  #take(ref: string): void {
    const told = this.#told.get(ref);
    if (told === undefined) return;
    this.#told.delete(ref);
    this.#options.clock.clearTimeout(told.timer);
    told.taken();
  }

  #settle(ref: string, answer: Answer): void {
    const asked = this.#asked.get(ref);
    if (asked === undefined) return;
    const { clock, windowMs, timeoutMs } = this.#options;
    clock.clearTimeout(asked.timer);
    if (answer.status === "held") {
      asked.timer = clock.setTimeout(() => this.#giveUp(ref), windowMs + timeoutMs);
      return;
    }
    this.#asked.delete(ref);
    asked.answer(answer);
  }

  #giveUp(ref: string): void {
    this.#forget(ref)?.answer({ status: 410 });
  }

  /** Has what is there for a poll wait for the next one. */
  #forget(ref: string): Asked | undefined {
    const asked = this.#asked.get(ref);
    if (asked === undefined) return undefined;
    this.#asked.delete(ref);
    this.#options.clock.clearTimeout(asked.timer);
    const { home, id } = asked.address;
    this.#publish(home, { from: this.#options.home, ref, id, ask: "forget" });
    return asked;
  }

  #publish(
    home: string,
    message: Ask | { readonly ref: string; readonly answer: Answer } | { readonly ref: string; readonly taken: true },
  ): void {
    this.#options.pubsub.publish(inboxOf(home), message);
  }
}

function inboxOf(home: string): string {
  return `musubi:longpoll:${home}`;
}

function ignore(): void {}
