import { isObject, MOUNT, type MusubiError, PATCH, SETTLED, UNMOUNT } from "@musubi/protocol";
import { canonicalJson } from "../canonical-json.js";
import { MusubiInconsistencyError, replyReason } from "../errors.js";
import type { RootMessage } from "./live-channel.js";
import { mountError, type RootIdentity, refusedError, timeoutError } from "./root-identity.js";
import type { LinkAnswer, ResumePoint, RootLinkEvents } from "./root-link.js";
import type { SharedTopology } from "./shared-topology.js";
import type { ConnectedLink } from "./topology.js";

/**
 * A root on the channel that all roots of a connection share (protocol.md section 2). It owns what the server's
 * `root_id` means, and what `already_mounted` does: an alias of this very mount, or a phantom to be unmounted first.
 */
export class SharedRootLink implements ConnectedLink {
  readonly events: RootLinkEvents;
  readonly #root: RootIdentity;
  readonly #topology: SharedTopology;
  #rootId: string | undefined;
  /** What the server called the root in the join before, for it to be kept. */
  #formerRootId: string | undefined;

  constructor(root: RootIdentity, topology: SharedTopology, events: RootLinkEvents) {
    this.events = events;
    this.#root = root;
    this.#topology = topology;
  }

  get isOpen(): boolean {
    return this.#rootId !== undefined && this.#topology.isOpen;
  }

  /** The `root_id` that the server shall keep for this root in the next join; `undefined` when it need not. */
  get keptRootId(): string | undefined {
    return this.events.canResume ? (this.#rootId ?? this.#formerRootId) : undefined;
  }

  handleDrop(): void {
    this.#formerRootId = this.#rootId ?? this.#formerRootId;
    this.#rootId = undefined;
    this.events.handleDrop();
  }

  mount(params: object, resume?: ResumePoint): void {
    const { queue, mounted, namesRootsById } = this.#topology;
    const { events } = this;
    const root = this.#root;
    if (queue.takeCondemned(this))
      events.handleMountRefused(mountError(root, "mount_crashed", "mounting it crashed the server's channel twice"));
    else if (namesRootsById && mounted.hasNamesake(root)) events.handleMountRefused(takenError(root, root.id));
    else queue.request(this, () => this.#push(params, resume));
  }

  unmount(): void {
    this.#topology.push(UNMOUNT, { root_id: this.#rootId }, () => {
      this.#forget();
      this.events.handleUnmounted();
    });
  }

  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void {
    return this.#topology.push(event, { root_id: this.#rootId, ...payload }, answer, timeoutMs);
  }

  handleMessage(event: RootMessage, payload: unknown): void {
    if (event === PATCH) this.events.handlePatch(payload);
    else if (event === SETTLED) this.events.handleSettled(payload);
    else {
      this.#forget();
      this.events.handleRootDown(payload);
    }
  }

  /** Nobody wants this root any more. A mount that was never answered still counts as under way on the server. */
  dispose(): void {
    if (this.#rootId !== undefined) this.#forget();
    this.#topology.forget(this);
  }

  #forget(): void {
    if (this.#rootId !== undefined) this.#topology.byRootId.delete(this.#rootId);
    this.#rootId = undefined;
    this.#topology.mounted.delete(this.#root);
  }

  #push(params: object, resume?: ResumePoint, isSecond = false): void {
    const topology = this.#topology;
    const root = this.#root;
    const { mounted, byRootId } = topology;
    // A repeat with other params finds the root that the first one's made, which is not what was asked for.
    const isRepeat = mounted.add(root, canonicalJson(params));
    topology.push(MOUNT, { ...root, params, ...(resume && { resume }) }, ({ status, response }) => {
      const { root_id, epoch, resumed } = isObject(response) ? response : {};
      const rootId = typeof root_id === "string" ? root_id : root.id;
      const isHeld = status === "error" && replyReason(response) === "already_mounted";
      // The server holds this pair from before, or with other params.
      const isPhantom = isHeld && !isRepeat;
      const isTaken = byRootId.has(rootId) || (isPhantom && rootId === root.id && mounted.hasNamesake(root));
      if (isPhantom && !isSecond && !isTaken) {
        mounted.delete(root);
        topology.push(UNMOUNT, { root_id: rootId }, () => this.#push(params, undefined, true));
        return;
      }
      topology.answered(this, () => {
        const error =
          status === "timeout"
            ? timeoutError(root, topology.host.mountTimeoutMs)
            : isPhantom && isSecond
              ? phantomError(root, rootId)
              : status === "error" && !isHeld
                ? refusedError(root, response)
                : isTaken
                  ? takenError(root, rootId)
                  : undefined;
        if (error !== undefined) {
          // What has not answered may yet mount it.
          if (status !== "timeout") mounted.delete(root);
          this.events.handleMountRefused(error);
          return;
        }
        if (rootId === root.id) topology.namesRootsById = true;
        this.#rootId = rootId;
        this.events.handleMounted({
          epoch: !isHeld && typeof epoch === "string" ? epoch : undefined,
          isResumed: !isHeld && resumed === true,
        });
        topology.register(rootId, this);
      });
    });
  }
}

function takenError(root: RootIdentity, rootId: string): MusubiError {
  return mountError(root, "root_id_taken", `another root has the root_id "${rootId}"; use another id`);
}

function phantomError({ module, id }: RootIdentity, rootId: string): MusubiError {
  const message = `Root ${module} "${id}": it is "already_mounted" even after an unmount; use another id.`;
  return new MusubiInconsistencyError(message, { rootId });
}
