import { isObject, MOUNT, MusubiError, UNMOUNT } from "@musubi/protocol";
import { canonicalJson } from "../canonical-json.js";
import { describe, MusubiInconsistencyError, MusubiMountError, replyReason } from "../errors.js";
import type { RoutedEvent } from "./held-messages.js";
import type { MountQueue } from "./mount-queue.js";
import type { JoinRequests } from "./requests.js";
import type { LinkAnswer, MountAnswer, ResumePoint, RootLinkEvents } from "./root-link.js";
import type { RootRouter, RoutedRoot } from "./root-router.js";
import type { ConnectedLink } from "./topology.js";

/** What a {@link SharedRootLink} shares with the others of its connection. */
export interface SharedLinkContext {
  readonly queue: MountQueue;
  readonly router: RootRouter;
  /** Milliseconds to wait for the answer to a mount or an unmount. */
  readonly mountTimeoutMs: number;
}

/**
 * A root on the channel that all roots of a connection share (protocol.md section 2). It owns what the server's
 * `root_id` means, and what `already_mounted` does: an alias of this very mount, or a phantom to be unmounted first.
 */
export class SharedRootLink implements ConnectedLink, RoutedRoot {
  readonly key: string;
  readonly #module: string;
  readonly #id: string;
  readonly #context: SharedLinkContext;
  readonly #events: RootLinkEvents;
  readonly #onDispose: () => void;
  #rootId: string | undefined;
  /** What the server called the root in the join before, for it to be kept. */
  #formerRootId: string | undefined;

  constructor(
    root: { key: string; module: string; id: string },
    context: SharedLinkContext,
    events: RootLinkEvents,
    onDispose: () => void,
  ) {
    this.key = root.key;
    this.#module = root.module;
    this.#id = root.id;
    this.#context = context;
    this.#events = events;
    this.#onDispose = onDispose;
  }

  get isOpen(): boolean {
    return this.#rootId !== undefined && this.#requests?.isOpen === true;
  }

  get #requests(): JoinRequests | undefined {
    return this.#context.router.requests;
  }

  /** The `root_id` that the server shall keep for this root in the next join; `undefined` when it need not. */
  get keptRootId(): string | undefined {
    return this.#events.canResume ? (this.#rootId ?? this.#formerRootId) : undefined;
  }

  /** The join ended; the router has forgotten every `root_id` of it. */
  handleDrop(): void {
    this.#formerRootId = this.#rootId ?? this.#formerRootId;
    this.#rootId = undefined;
    this.#events.handleDrop();
  }

  mount(params: object, resume?: ResumePoint): void {
    const { queue, router } = this.#context;
    if (queue.takeCondemned(this.key)) {
      this.#refuse("mount_crashed", "mounting it crashed the server's channel twice; fix its mount on the server");
      return;
    }
    const holder = router.namesRootsById ? router.find(this.#id) : undefined;
    if (holder !== undefined && holder !== this) {
      this.#refuse("root_id_taken", "another module holds this id, and this server tells roots apart by id alone");
      return;
    }
    queue.request(this.key, () => this.#push({ params, ...(resume === undefined ? {} : { resume }) }, false));
  }

  unmount(): void {
    this.#requests?.push(UNMOUNT, { root_id: this.#rootId }, this.#context.mountTimeoutMs, () => {
      this.#forget();
      this.#events.handleUnmounted();
    });
  }

  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void {
    const requests = this.#requests;
    if (requests === undefined) return () => {};
    return requests.push(event, { root_id: this.#rootId, ...payload }, timeoutMs, answer);
  }

  handleMessage(event: RoutedEvent, payload: unknown): void {
    if (event === "patch") {
      this.#events.handlePatch(payload);
    } else if (event === "settled") {
      this.#events.handleSettled(payload);
    } else {
      this.#forget();
      this.#events.handleRootDown(payload);
    }
  }

  handleOverflow(): void {
    this.#events.handleOverflow();
  }

  /** Nobody wants this root any more. A mount that was never answered still counts as under way on the server. */
  dispose(): void {
    if (this.#rootId !== undefined) this.#forget();
    this.#context.queue.forget(this.key);
    this.#onDispose();
  }

  #forget(): void {
    if (this.#rootId !== undefined) this.#context.router.unregister(this.#rootId);
    this.#rootId = undefined;
    this.#context.router.mountedThisJoin.delete(this.key);
  }

  #push(request: { readonly params: object; readonly resume?: ResumePoint }, isSecond: boolean): void {
    const { router, mountTimeoutMs } = this.#context;
    // A repeat with other params finds the root that the first one's made, which is not what was asked for.
    const params = canonicalJson(request.params);
    const isRepeat = router.mountedThisJoin.get(this.key) === params;
    if (!router.mountedThisJoin.has(this.key)) router.mountedThisJoin.set(this.key, params);
    const payload = { module: this.#module, id: this.#id, ...request };
    this.#requests?.push(MOUNT, payload, mountTimeoutMs, (answer) => {
      if (answer.status === "timeout") {
        this.#answered(() =>
          this.#refuse("mount_timeout", `no answer within ${mountTimeoutMs} ms; check that the server has this module`),
        );
        return;
      }
      const rootId = this.#rootIdOf(answer.response);
      if (answer.status === "ok") this.#answered(() => this.#opened(rootId, readAnswer(answer.response)));
      else if (replyReason(answer.response) !== "already_mounted")
        this.#answered(() => this.#refuseFor(answer.response));
      else if (isRepeat) this.#answered(() => this.#opened(rootId, readAnswer(undefined)));
      else this.#handlePhantom(rootId, request.params, isSecond);
    });
  }

  /** The server holds this pair from before, or with other params: it is unmounted, and mounted once more. */
  #handlePhantom(rootId: string, params: object, isSecond: boolean): void {
    const { router, mountTimeoutMs } = this.#context;
    router.mountedThisJoin.delete(this.key);
    if (isSecond) {
      const message = `Root ${this.#name} is "already_mounted" on the server even after an unmount of "${rootId}". Reload, or mount it under another id.`;
      this.#answered(() => this.#events.handleMountRefused(new MusubiInconsistencyError(message, { rootId })));
    } else if (router.find(rootId) !== undefined) {
      this.#answered(() => this.#refuse("root_id_taken", `the server gave its root_id "${rootId}" to another root`));
    } else {
      this.#requests?.push(UNMOUNT, { root_id: rootId }, mountTimeoutMs, () => this.#push({ params }, true));
    }
  }

  /** Says what a mount came to, then lets the queue and what is held go on. */
  #answered(tell: () => void): void {
    const { queue, router } = this.#context;
    // First, since the root may ask again as soon as it is told, and that mount is unanswered.
    queue.answered(this.key);
    tell();
    queue.proceed();
    router.settleHeld();
  }

  #opened(rootId: string, answer: MountAnswer): void {
    const { router } = this.#context;
    const holder = router.find(rootId);
    if (holder !== undefined && holder !== this) {
      router.mountedThisJoin.delete(this.key);
      this.#refuse("root_id_taken", `the server answered with root_id "${rootId}", which another root holds`);
      return;
    }
    if (rootId === this.#id) router.namesRootsById = true;
    this.#rootId = rootId;
    this.#events.handleMounted(answer);
    router.register(rootId, this);
  }

  #rootIdOf(response: unknown): string {
    const rootId = isObject(response) ? response["root_id"] : undefined;
    return typeof rootId === "string" ? rootId : this.#id;
  }

  #refuseFor(response: unknown): void {
    this.#context.router.mountedThisJoin.delete(this.key);
    const reason = replyReason(response);
    this.#refuse("mount_refused", `the server refused it: ${describe(reason)}`, reason, response);
  }

  #refuse(
    code: "mount_crashed" | "mount_refused" | "mount_timeout" | "root_id_taken",
    why: string,
    reason?: unknown,
    details?: unknown,
  ): void {
    const error: MusubiError = new MusubiMountError(code, `Root ${this.#name} could not be mounted: ${why}.`, {
      module: this.#module,
      id: this.#id,
      reason,
      details,
    });
    this.#events.handleMountRefused(error);
  }

  get #name(): string {
    return `${this.#module} "${this.#id}"`;
  }
}

function readAnswer(response: unknown): MountAnswer {
  const { epoch, resumed } = isObject(response) ? response : {};
  return { epoch: typeof epoch === "string" ? epoch : undefined, isResumed: resumed === true };
}
