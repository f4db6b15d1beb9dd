import type { TimerHandle } from "@musubi/protocol";
import { MusubiError, PATCH, ROOT_DOWN } from "@musubi/protocol";
import { describe, MusubiMountError, replyReason } from "../errors.js";
import type { RootIdentity } from "./connection.js";
import { PLAIN_JOIN } from "./join.js";
import { JoinRequests } from "./requests.js";
import type { LinkAnswer, RootLinkEvents } from "./root-link.js";
import type { TopologyOptions } from "./shared-topology.js";
import type { ChannelLike } from "./socket-like.js";
import { type ConnectedLink, guarded } from "./topology.js";

/**
 * A root on a channel of its own: joining is the mount, leaving the unmount (protocol.md section 8). phoenix.js
 * rejoins the same channel object after a loss, which mounts the root again.
 */
export class OwnChannelLink implements ConnectedLink {
  readonly #root: RootIdentity;
  readonly #options: TopologyOptions;
  readonly #events: RootLinkEvents;
  #params: object = {};
  #channel: ChannelLike | undefined;
  #requests: JoinRequests | undefined;
  /** The root asked for its mount and has no answer yet. */
  #isMounting = false;
  #mountTimer: TimerHandle | undefined;

  constructor(root: RootIdentity, options: TopologyOptions, events: RootLinkEvents) {
    this.#root = root;
    this.#options = options;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#requests?.isOpen === true;
  }

  handleDrop(): void {
    this.#end();
    this.#events.handleDrop();
  }

  mount(params: object): void {
    const { module, id } = this.#root;
    // What phoenix.js has rejoined by itself was mounted with the params of then.
    if (params !== this.#params) this.#giveUp();
    this.#params = params;
    if (module.includes(":") || id.includes(":")) {
      this.#refuse("invalid_id", 'neither a module nor an id may contain ":" where every root has its own topic');
      return;
    }
    this.#isMounting = true;
    if (this.#requests !== undefined) {
      this.#answerMount();
      return;
    }
    const { clock, mountTimeoutMs } = this.#options;
    this.#mountTimer = clock.setTimeout(() => {
      this.#giveUp();
      this.#refuse("mount_timeout", `no answer within ${mountTimeoutMs} ms; check that the server has this module`);
    }, mountTimeoutMs);
    if (this.#channel === undefined) this.#open();
  }

  unmount(): void {
    const channel = this.#channel;
    const { clock, mountTimeoutMs } = this.#options;
    this.#giveUp(channel === undefined);
    let isAnswered = false;
    const answer = (): void => {
      if (isAnswered) return;
      isAnswered = true;
      clock.clearTimeout(timer);
      this.#events.handleUnmounted();
    };
    const timer = clock.setTimeout(answer, mountTimeoutMs);
    channel?.leave().receive("ok", answer).receive("error", answer);
  }

  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void {
    return this.#requests?.push(event, payload, timeoutMs, answer) ?? (() => {});
  }

  dispose(): void {
    this.#giveUp();
  }

  #open(): void {
    const { socket, topic, clock, logger } = this.#options;
    const { module, id } = this.#root;
    const channel = socket.channel(`${topic}:${module}:${id}`, () => ({ module, id, params: this.#params }));
    this.#channel = channel;
    const guard = <Args extends unknown[]>(handle: (...args: Args) => void): ((...args: Args) => void) =>
      guarded(logger, () => this.#channel === channel, handle);
    channel.on(
      PATCH,
      guard((payload) => this.#events.handlePatch(payload)),
    );
    channel.on(
      ROOT_DOWN,
      guard((payload) => {
        this.#giveUp();
        this.#events.handleRootDown(payload);
      }),
    );
    channel.onError(guard(() => this.handleDrop()));
    channel.onClose(
      guard(() => {
        const wasMounting = this.#isMounting;
        this.#channel = undefined;
        this.#end();
        // A root that has no answer to its mount yet knows of nothing that could go down.
        if (wasMounting) this.#refuse("mount_refused", "the server closed its channel", "closed");
        else this.#events.handleRootDown({ reason: "closed", retry: true });
      }),
    );
    channel
      .join()
      .receive(
        "ok",
        guard(() => {
          this.#requests = new JoinRequests(channel, () => socket.isConnected(), clock);
          // After a loss the root has not asked: phoenix.js has rejoined by itself.
          if (this.#isMounting) this.#answerMount();
          else this.#events.handleJoin(PLAIN_JOIN);
        }),
      )
      .receive(
        "error",
        guard((response) => this.#handleRefusal(response)),
      );
  }

  #answerMount(): void {
    this.#stopMounting();
    this.#events.handleMounted({ epoch: undefined, isResumed: false });
  }

  #handleRefusal(response: unknown): void {
    const hasAsked = this.#isMounting;
    // phoenix.js would retry for ever; the root has a back-off of its own.
    this.#giveUp();
    if (!hasAsked) this.#events.handleJoin(PLAIN_JOIN);
    const reason = replyReason(response);
    this.#refuse("mount_refused", `the server refused it: ${describe(reason)}`, reason, response);
  }

  #refuse(
    code: "invalid_id" | "mount_refused" | "mount_timeout",
    why: string,
    reason?: unknown,
    details?: unknown,
  ): void {
    const { module, id } = this.#root;
    this.#stopMounting();
    const message = `Root ${module} "${id}" could not be mounted: ${why}.`;
    const error: MusubiError = new MusubiMountError(code, message, { module, id, reason, details });
    this.#events.handleMountRefused(error);
  }

  /** The join is over: its waits end, and what was asked is asked again. */
  #end(): void {
    this.#stopMounting();
    this.#requests?.end();
    this.#requests = undefined;
  }

  /** Lets go of the channel object; it is left on the server too, unless somebody leaves it already. */
  #giveUp(leave = true): void {
    const channel = this.#channel;
    this.#channel = undefined;
    this.#end();
    if (leave) channel?.leave();
  }

  #stopMounting(): void {
    this.#isMounting = false;
    if (this.#mountTimer !== undefined) this.#options.clock.clearTimeout(this.#mountTimer);
    this.#mountTimer = undefined;
  }
}
