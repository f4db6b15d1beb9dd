import { type Frame, type JsonValue, MusubiError, PHX_CLOSE, PHX_ERROR, PHX_LEAVE } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import { type Broadcast, frameOf, publish } from "./broadcast.js";
import { brief, callHandler, eventOf, intercepts, levelOf } from "./call-handler.js";
import type { ChannelDefinition, ConnectedSocket, DeferredReply, HandlerResult, JoinResult } from "./channel.js";
import { type ContextOwner, LiveContext } from "./channel-context.js";
import { newChannelId } from "./channel-id.js";
import type { ChannelHost } from "./channel-host.js";
import { type ChannelEffect, type ChannelEvent, type ChannelStatus, nextChannelState } from "./channel-state.js";
import { EarlyPushes } from "./early-pushes.js";
import { isPromise, MailRunner, type MailWork } from "./mail-runner.js";
import type { Mail, PushMail } from "./mailbox.js";
import { type Outgoing, pushMessage, replyMessage } from "./outgoing.js";
import type { PubSub } from "./pubsub.js";
import { PushEncoder } from "./push-encoder.js";
import { joinTopic, type TopicMember, type TopicMembers } from "./topic-members.js";

/**
 * Drives one join of a topic: runs the app's code, one message at a time, and does what `channel-state.ts` says.
 *
 * Does not own the socket, the routing of frames or their transport.
 */
export class ChannelProcess implements ContextOwner, MailWork, TopicMember {
  // These come first, and so next to each other, because a broadcast reads them of every channel.
  #status: ChannelStatus = "joining";
  readonly #host: ChannelHost;
  readonly #definition: ChannelDefinition;
  /** Made for the first `broadcastFrom`. */
  #id: string | undefined;
  readonly topic: string;
  /** Of the join's frame no more than this: its payload may be large, and nobody asks for it again. */
  readonly #join: Pick<Frame, "joinRef" | "ref">;
  readonly #context: LiveContext = new LiveContext(this);
  readonly #runner: MailRunner = new MailRunner(this);
  /** The push whose handler is being called; gone at the handler's first await. */
  #current: PushMail | undefined;
  #abort: AbortController | undefined;
  #members: TopicMembers | undefined;
  #pushes: PushEncoder | undefined;
  /** Gone once the join is answered. */
  #early: EarlyPushes | undefined;
  /** Join refs of the channels that this one replaced: their `phx_close` follows this one's answer. */
  #replaced: readonly JsonValue[];
  #joinAnswer: Outgoing | undefined;
  #endReason: unknown;
  #owesTerminate = false;
  #isFinished = false;
  /** Of pushes whose answers were deferred and not given yet: whoever has them, they are there. */
  #deferredBytes = 0;
  #isLeaving = false;

  constructor(
    host: ChannelHost,
    definition: ChannelDefinition,
    topic: string,
    { joinRef, ref }: Frame,
    replaced: readonly JsonValue[],
  ) {
    this.#host = host;
    this.#definition = definition;
    this.topic = topic;
    this.#join = { joinRef, ref };
    this.#early = new EarlyPushes(host);
    this.#replaced = replaced;
  }

  get socket(): ConnectedSocket {
    return this.#host.socket;
  }

  get logger(): Logger {
    return this.#host.logger;
  }

  get pubsub(): PubSub {
    return this.#host.pubsub;
  }

  /** Runs the join's code; everything that comes meanwhile waits. */
  start(payload: unknown): void {
    this.#runner.hold();
    let result: JoinResult<unknown> | Promise<JoinResult<unknown>>;
    try {
      result = this.#definition.join(this.#context, payload);
    } catch (cause) {
      return this.#joinCrashed(cause);
    }
    if (!isPromise(result)) return this.#joinSettled(result);
    result.then(
      (value) => this.#joinSettled(value),
      (cause: unknown) => this.#joinCrashed(cause),
    );
  }

  /** Whether a frame with this join ref is for this join; one without always is (FRAMES.md, "stale join_ref"). */
  accepts(joinRef: JsonValue): boolean {
    const own = this.#join.joinRef;
    if (joinRef === null || joinRef === own) return true;
    return typeof joinRef === "object" && typeof own === "object" && JSON.stringify(joinRef) === JSON.stringify(own);
  }

  /** Whether this frame would be the first `phx_leave` of this join. */
  isFirstLeave({ event, joinRef }: Frame): boolean {
    return event === PHX_LEAVE && !this.#isLeaving && this.accepts(joinRef);
  }

  /** Takes a frame of the client that belongs to this join; `bytes` is its weight in the mailbox. */
  receive(frame: Frame, bytes: number): void {
    const isFull = this.#runner.size >= this.#host.maxMailbox || !this.#host.reserve(bytes);
    if (this.isFirstLeave(frame)) {
      // A client can always leave, once.
      this.#isLeaving = true;
      this.#runner.put({ kind: "leave", frame, bytes: isFull ? 0 : bytes });
    } else if (isFull) {
      this.#host.send(replyMessage(this.#ownRef, frame.ref, this.topic, "error", { reason: "overloaded" }));
    } else if (frame.event === PHX_LEAVE) {
      this.#runner.put({ kind: "leave", frame, bytes });
    } else {
      this.#runner.put({ kind: "push", frame, bytes, deferred: false, answered: false });
    }
  }

  /** Gives way to a second join of the topic; returns the join refs whose `phx_close` the successor owes. */
  replace(): readonly JsonValue[] {
    const owed = [...this.#replaced, this.#join.joinRef];
    this.#replaced = [];
    this.#apply("replaced", "duplicate_join");
    return owed;
  }

  /** Ends without a word: the socket is gone (`transport_closed`) or going (`server_shutdown`). */
  disconnect(reason: "transport_closed" | "server_shutdown"): void {
    this.#apply("disconnected", reason);
  }

  signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#hasEnded) this.#abort.abort();
    return this.#abort.signal;
  }

  push(event: string, payload: unknown): void {
    if (this.#hasEnded) return;
    if (this.#status === "joining") {
      // What cannot be encoded throws into the join's code, which then ends as "join crashed".
      if (this.#early?.add(this.#encoder.encode(event, payload)) !== false) return;
      this.#crash(new MusubiError("overloaded", `the join of ${brief(this.topic)} pushed too much`), event);
    } else {
      this.#send(() => this.#encoder.encode(event, payload));
    }
  }

  /** For its topic. */
  hear(message: Broadcast): void {
    const isOwn = message.except !== null && message.except === this.#id;
    if (!isOwn && this.#status === "joined") this.relay(message);
  }

  relay(message: Broadcast): void {
    if (this.#hasEnded) return;
    const { event, payload } = message;
    const isIntercepted = intercepts(this.#definition, event);
    const isJoining = this.#status === "joining";
    if (!isIntercepted && !isJoining) {
      this.#send(() => frameOf(this.topic, message));
    } else if (this.#runner.size + (this.#early?.size ?? 0) >= this.#host.maxMailbox) {
      // To drop one would show this client a state that never was; a crash makes it join anew.
      this.#crash(new MusubiError("overloaded", `the mailbox of channel ${this.topic} is full of broadcasts`), event);
    } else if (isIntercepted) {
      this.#runner.putLater({ kind: "intercepted", event, payload, bytes: 0 });
    } else {
      this.#early?.share(frameOf(this.topic, message));
    }
  }

  broadcast(event: string, payload: unknown, exceptSelf: boolean): void {
    try {
      const except = exceptSelf ? (this.#id ??= newChannelId()) : null;
      publish(this.pubsub, this.topic, { event, payload, except });
    } catch (cause) {
      this.#crash(cause, event);
    }
  }

  defer(): DeferredReply {
    const mail = this.#current;
    if (mail === undefined) {
      throw new MusubiError("invalid_usage", `defer() on ${this.topic}: call it in a handler, before its first await`);
    }
    mail.deferred = true;
    return (status, response) => this.#answer(mail, status, response);
  }

  tell(message: unknown): void {
    if (this.#hasEnded) return;
    if (this.#runner.size < this.#host.maxMailbox) this.#runner.putLater({ kind: "info", message, bytes: 0 });
    // As above: nobody would know that it is lost.
    else this.#crash(new MusubiError("overloaded", `the mailbox of channel ${brief(this.topic)} is full`), "info");
  }

  /** For the runner: calls the code that `mail` is for. */
  call(mail: Mail): HandlerResult | Promise<HandlerResult> {
    if (mail.kind === "leave") {
      this.#host.unreserve(mail.bytes);
      this.#host.send(replyMessage(this.#ownRef, mail.frame.ref, this.topic, "ok", {}));
      this.#apply("left", "leave");
      return undefined;
    }
    this.#current = mail.kind === "push" ? mail : undefined;
    try {
      return callHandler(this.#definition, this.#context, mail);
    } finally {
      this.#current = undefined;
      if (mail.kind === "push" && mail.deferred && !mail.answered && !this.#hasEnded) this.#deferredBytes += mail.bytes;
      else this.#host.unreserve(mail.bytes);
    }
  }

  /** For the runner: a handler has returned. */
  settled(mail: Mail, result: HandlerResult): void {
    if (result === undefined || result === null) return;
    const answer = result.kind === "stop" ? result.reply : result;
    if (answer !== undefined && (mail.kind !== "push" || answer.kind !== "reply")) {
      const wanted = mail.kind === "push" ? "ok(), error(), reply(), stop() or nothing" : "stop() or nothing";
      this.#crash(new MusubiError("invalid_usage", `channel ${this.topic}: return ${wanted}`), eventOf(mail));
      return;
    }
    if (answer !== undefined && mail.kind === "push" && !mail.deferred) {
      this.#answer(mail, answer.status, answer.response);
    }
    if (result.kind !== "stop") return;
    if (result.reason === "error") this.#crash(new Error("a handler returned stop('error')"), eventOf(mail));
    else this.#apply("stopped", result.reason);
  }

  /** For the runner: a handler has thrown. */
  failed(mail: Mail, cause: unknown): void {
    this.#crash(cause, eventOf(mail));
  }

  /** For the runner: nothing runs now, so that an end that waited for a handler can go on. */
  rested(): void {
    if (this.#owesTerminate) {
      this.#owesTerminate = false;
      this.#runner.hold();
      this.#terminate();
    } else if (this.#status === "ended" && !this.#isFinished) {
      this.#isFinished = true;
      this.#host.finished(this);
    }
  }

  get #hasEnded(): boolean {
    return this.#status === "ended" || this.#status === "abandoned";
  }

  // A join without a join ref is known by its ref in what the channel sends (recorded in v2_join_refs_forms).
  get #ownRef(): JsonValue {
    return this.#join.joinRef ?? this.#join.ref;
  }

  get #encoder(): PushEncoder {
    return (this.#pushes ??= new PushEncoder(this.#ownRef, this.topic));
  }

  #joinSettled(result: JoinResult<unknown>): void {
    if (result?.kind !== "joined" && result?.kind !== "refused") {
      this.#joinCrashed(new MusubiError("invalid_usage", `join of ${this.topic} must return joined() or refused()`));
      return;
    }
    const isJoined = result.kind === "joined";
    const { joinRef, ref } = this.#join;
    try {
      this.#joinAnswer = replyMessage(joinRef, ref, this.topic, isJoined ? "ok" : "error", result.response);
    } catch (cause) {
      if (this.#status === "joining") this.#host.fail(cause);
    }
    if (isJoined) this.#context.state = result.state;
    this.#apply(isJoined ? "accepted" : "refused", undefined);
    this.#runner.release();
  }

  #joinCrashed(cause: unknown): void {
    if (this.#status === "joining") this.logger.error({ err: cause, topic: this.topic }, "a channel's join crashed");
    this.#apply("join_crashed", cause);
    this.#runner.release();
  }

  #answer(mail: PushMail, status: string, response: unknown): void {
    if (mail.answered || this.#hasEnded) return;
    mail.answered = true;
    if (mail.deferred && mail !== this.#current) {
      this.#deferredBytes -= mail.bytes;
      this.#host.unreserve(mail.bytes);
    }
    this.#send(() => replyMessage(this.#ownRef, mail.frame.ref, this.topic, status, response));
  }

  #send(encode: () => Outgoing): void {
    let message: Outgoing;
    try {
      message = encode();
    } catch (cause) {
      this.#crash(cause, undefined);
      return;
    }
    this.#host.send(message);
  }

  #crash(cause: unknown, event: unknown): void {
    const details = { err: cause, topic: brief(this.topic), event };
    if (!this.#hasEnded) this.logger[levelOf(cause)](details, "a channel crashed");
    else if (cause !== this.#abort?.signal.reason) this.logger.warn(details, "code of an ended channel failed");
    this.#apply("crashed", cause);
  }

  /** The one place that changes the status. */
  #apply(event: ChannelEvent, reason: unknown): void {
    const hadEnded = this.#hasEnded;
    const { status, effects } = nextChannelState(this.#status, event);
    this.#status = status;
    if (!hadEnded && this.#hasEnded) this.#endReason = reason;
    for (const effect of effects) this.#run(effect);
    if (this.#hasEnded && !this.#runner.isBusy) this.rested();
  }

  #run(effect: ChannelEffect): void {
    const { joinRef, ref } = this.#join;
    switch (effect) {
      case "release":
        this.#members?.delete(this);
        this.#host.release(this);
        this.#abort?.abort();
        this.#host.unreserve(this.#deferredBytes);
        this.#early = this.#early?.drop();
        break;
      case "subscribe":
        try {
          const lane = this.#definition.intercept === undefined ? this.#host.lane : null;
          this.#members = joinTopic(this.pubsub, this.topic, this, lane);
        } catch (cause) {
          // Without it the client would miss broadcasts and not know.
          this.#host.fail(cause);
        }
        break;
      case "reply_join":
        if (this.#joinAnswer !== undefined) this.#host.send(this.#joinAnswer);
        this.#afterJoinReply();
        break;
      case "reply_join_crashed":
        this.#host.send(replyMessage(joinRef, ref, this.topic, "error", { reason: "join crashed" }));
        this.#afterJoinReply();
        break;
      case "close":
        this.#host.send(pushMessage(joinRef, this.topic, PHX_CLOSE, {}, joinRef));
        break;
      case "error":
        this.#host.send(pushMessage(joinRef, this.topic, PHX_ERROR, { reason: "channel_crash" }, joinRef));
        break;
      case "drop_mailbox":
        for (const mail of this.#runner.clear()) this.#host.unreserve(mail.bytes);
        break;
      case "return_mailbox":
        for (const mail of this.#runner.clear()) {
          this.#host.unreserve(mail.bytes);
          if ("frame" in mail) this.#host.dispatch(mail.frame, mail.bytes);
        }
        break;
      case "terminate":
        this.#owesTerminate = true;
        break;
      default:
        effect satisfies never;
    }
  }

  #afterJoinReply(): void {
    for (const joinRef of this.#replaced) {
      this.#host.send(pushMessage(joinRef, this.topic, PHX_CLOSE, {}, joinRef));
    }
    this.#replaced = [];
    if (this.#status === "joined") this.#early?.send();
    this.#early = this.#early?.drop();
  }

  #terminate(): void {
    const failed = (cause: unknown): void => {
      this.logger.error({ err: cause, topic: this.topic }, "a channel's terminate failed");
      this.#runner.release();
    };
    try {
      const done = this.#definition.terminate?.(this.#context, this.#endReason);
      if (isPromise(done)) done.then(() => this.#runner.release(), failed);
      else this.#runner.release();
    } catch (cause) {
      failed(cause);
    }
  }
}
