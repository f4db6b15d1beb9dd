import { type MusubiError, ROOT_DOWN, type TimerHandle } from "@musubi/protocol";
import type { ConnectionReason } from "./connection-detail.js";
import type { JoinEnd } from "./connection-state.js";
import { type ChannelOwner, LiveChannel, type RootMessage } from "./live-channel.js";
import { mountError } from "./root-identity.js";
import type { LinkAnswer, LinkedRoot } from "./root-link.js";
import type { ConnectedLink, ChannelHost } from "./topology.js";

/**
 * A root on a channel of its own: joining is the mount, leaving the unmount (protocol.md section 8). phoenix.js
 * rejoins the same channel object after a loss, which mounts the root again.
 */
export class OwnChannelLink implements ConnectedLink, ChannelOwner {
  readonly #root: LinkedRoot;
  readonly #host: ChannelHost;
  #params: object = {};
  #channel: LiveChannel | undefined;
  /** The root asked for its mount and has no answer yet. */
  #mountTimer: TimerHandle | undefined;
  /** What a rejoin that the root did not ask for was refused with, for the mount that it is about to ask for. */
  #refusal: MusubiError | undefined;

  constructor(root: LinkedRoot, host: ChannelHost) {
    this.#root = root;
    this.#host = host;
  }

  get isOpen(): boolean {
    return this.#channel?.isOpen === true;
  }

  handleDrop(): void {
    this.#stopMounting();
    this.#root.handleDrop();
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
      this.#refuse(mountError(this.#root, "invalid_id"));
    } else if (this.isOpen) {
      this.#answerMount();
    } else {
      this.#mountTimer = clock.setTimeout(() => {
        this.dispose();
        this.#refuse(mountError(this.#root, "mount_timeout"));
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
      this.#root.handleUnmounted();
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
    if (event === ROOT_DOWN) this.dispose();
    this.#root.handleMessage(event, payload);
  }

  handleJoined(): void {
    // After a loss the root has not asked: phoenix.js has rejoined by itself.
    if (this.#mountTimer === undefined) this.#root.handleJoin();
    else this.#answerMount();
  }

  handleUnjoined(end: JoinEnd, reason?: ConnectionReason): void {
    if (reason?.kind === "join_refused") return this.#handleRefused(reason.details);
    if (end === "channel_closed") return this.#handleClosed();
    // A mount has a time-out of its own.
    if (reason?.kind !== "join_timeout") this.handleDrop();
  }

  #handleRefused(response: unknown): void {
    const error = mountError(this.#root, "mount_refused", response);
    const hasAsked = this.#mountTimer !== undefined;
    // phoenix.js would retry for ever; the root has a back-off of its own.
    this.dispose();
    if (hasAsked) return this.#refuse(error);
    this.#refusal = error;
    this.#root.handleJoin();
    this.#refusal = undefined;
  }

  #handleClosed(): void {
    const wasMounting = this.#mountTimer !== undefined;
    this.#letGo();
    // A root that has no answer to its mount yet knows of nothing that could go down.
    if (wasMounting) this.#refuse(mountError(this.#root, "mount_refused", "closed"));
    else this.#root.handleMessage(ROOT_DOWN, { reason: "closed", retry: true });
  }

  #answerMount(): void {
    this.#stopMounting();
    this.#root.handleMounted();
  }

  #refuse(error: MusubiError): void {
    this.#stopMounting();
    this.#root.handleMountRefused(error);
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
