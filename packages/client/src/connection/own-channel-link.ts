import { type MusubiError, PATCH, ROOT_DOWN, type TimerHandle } from "@musubi/protocol";
import type { ConnectionReason } from "./connection-detail.js";
import { PLAIN_JOIN } from "./join.js";
import { type ChannelOwner, LiveChannel, type RootMessage } from "./live-channel.js";
import { mountError, type RootIdentity, refusedError, timeoutError } from "./root-identity.js";
import type { LinkAnswer, RootLinkEvents } from "./root-link.js";
import type { ConnectedLink, ChannelHost } from "./topology.js";

/**
 * A root on a channel of its own: joining is the mount, leaving the unmount (protocol.md section 8). phoenix.js
 * rejoins the same channel object after a loss, which mounts the root again.
 */
export class OwnChannelLink implements ConnectedLink, ChannelOwner {
  readonly #root: RootIdentity;
  readonly #host: ChannelHost;
  readonly #events: RootLinkEvents;
  #params: object = {};
  #channel: LiveChannel | undefined;
  /** The root asked for its mount and has no answer yet. */
  #mountTimer: TimerHandle | undefined;
  /** What a rejoin that the root did not ask for was refused with, for the mount that it is about to ask for. */
  #refusal: MusubiError | undefined;

  constructor(root: RootIdentity, host: ChannelHost, events: RootLinkEvents) {
    this.#root = root;
    this.#host = host;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#channel?.isOpen === true;
  }

  handleDrop(): void {
    this.#stopMounting();
    this.#events.handleDrop();
  }

  mount(params: object): void {
    const { clock, topic, mountTimeoutMs } = this.#host;
    const { module, id } = this.#root;
    this.#stopMounting();
    // What phoenix.js has rejoined by itself was mounted with the params of then.
    if (params !== this.#params) this.dispose();
    this.#params = params;
    if (this.#refusal !== undefined) {
      this.#refuse(this.#refusal);
    } else if (`${module}${id}`.includes(":")) {
      this.#refuse(mountError(this.#root, "invalid_id", 'no ":" in a module or an id where every root has a topic'));
    } else if (this.isOpen) {
      this.#answerMount();
    } else {
      this.#mountTimer = clock.setTimeout(() => {
        this.dispose();
        this.#refuse(timeoutError(this.#root, mountTimeoutMs));
      }, mountTimeoutMs);
      this.#channel ??= new LiveChannel(
        this.#host,
        `${topic}:${module}:${id}`,
        () => ({ module, id, params: this.#params }),
        this,
      );
    }
  }

  unmount(): void {
    const { clock, mountTimeoutMs } = this.#host;
    let isAnswered = false;
    const answer = (): void => {
      if (isAnswered) return;
      isAnswered = true;
      clock.clearTimeout(timer);
      this.#events.handleUnmounted();
    };
    const timer = clock.setTimeout(answer, mountTimeoutMs);
    this.#letGo()?.leave().receive("ok", answer).receive("error", answer);
  }

  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void {
    return this.#channel?.push(event, payload, timeoutMs, answer) ?? (() => {});
  }

  dispose(): void {
    this.#letGo()?.leave();
  }

  handleMessage(event: RootMessage, payload: unknown): void {
    if (event === PATCH) return this.#events.handlePatch(payload);
    if (event !== ROOT_DOWN) return;
    this.dispose();
    this.#events.handleRootDown(payload);
  }

  handleJoined(): void {
    // After a loss the root has not asked: phoenix.js has rejoined by itself.
    if (this.#mountTimer === undefined) this.#events.handleJoin(PLAIN_JOIN);
    else this.#answerMount();
  }

  handleRefused(response: unknown): void {
    const error = refusedError(this.#root, response);
    const hasAsked = this.#mountTimer !== undefined;
    // phoenix.js would retry for ever; the root has a back-off of its own.
    this.dispose();
    if (hasAsked) return this.#refuse(error);
    this.#refusal = error;
    this.#events.handleJoin(PLAIN_JOIN);
    this.#refusal = undefined;
  }

  handleLost(reason?: ConnectionReason): void {
    // A mount has a time-out of its own.
    if (reason?.kind !== "join_timeout") this.handleDrop();
  }

  handleClosed(): void {
    const wasMounting = this.#mountTimer !== undefined;
    this.#letGo();
    // A root that has no answer to its mount yet knows of nothing that could go down.
    if (wasMounting) this.#refuse(mountError(this.#root, "mount_refused", "the server closed its channel", "closed"));
    else this.#events.handleRootDown({ reason: "closed", retry: true });
  }

  #answerMount(): void {
    this.#stopMounting();
    this.#events.handleMounted({ epoch: undefined, isResumed: false });
  }

  #refuse(error: MusubiError): void {
    this.#stopMounting();
    this.#events.handleMountRefused(error);
  }

  #letGo(): LiveChannel | undefined {
    const channel = this.#channel;
    this.#channel = undefined;
    this.#stopMounting();
    return channel;
  }

  #stopMounting(): void {
    if (this.#mountTimer !== undefined) this.#host.clock.clearTimeout(this.#mountTimer);
    this.#mountTimer = undefined;
  }
}
