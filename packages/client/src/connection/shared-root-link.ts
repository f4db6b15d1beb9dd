import { type ErrorCode, isObject, MOUNT, ROOT_DOWN, UNMOUNT } from "@musubi/protocol";
import { replyReason } from "../errors.js";
import type { RootMessage } from "./live-channel.js";
import { mountError } from "./root-identity.js";
import type { LinkAnswer, LinkedRoot, ResumePoint } from "./root-link.js";
import type { SharedTopology } from "./shared-topology.js";
import type { ConnectedLink } from "./topology.js";

/**
 * A root on the channel that all roots of a connection share (protocol.md section 2). It owns what the server's
 * `root_id` means, and what `already_mounted` does: an alias of this very mount, or a phantom to be unmounted first.
 */
export class SharedRootLink implements ConnectedLink {
  readonly root: LinkedRoot;
  readonly #topology: SharedTopology;
  #rootId: string | undefined;
  /** What the server called the root in the join before, for it to be kept. */
  #formerRootId: string | undefined;

  constructor(root: LinkedRoot, topology: SharedTopology) {
    this.root = root;
    this.#topology = topology;
  }

  get isOpen(): boolean {
    return this.#rootId !== undefined && this.#topology.isOpen;
  }

  /** The `root_id` that the server shall keep for this root in the next join; `undefined` when it need not. */
  get keptRootId(): string | undefined {
    return this.root.canResume ? (this.#rootId ?? this.#formerRootId) : undefined;
  }

  handleDrop(): void {
    this.#formerRootId = this.#rootId ?? this.#formerRootId;
    this.#rootId = undefined;
    this.root.handleDrop();
  }

  mount(params: object, resume?: ResumePoint): void {
    const { root } = this;
    const { queue, mounted, namesRootsById } = this.#topology;
    if (queue.takeCondemned(this)) this.#refuse("mount_crashed");
    else if (namesRootsById && mounted.hasNamesake(root)) this.#refuse("root_id_taken");
    else queue.request(this, () => this.#push(params, resume));
  }

  unmount(): void {
    this.#topology.push(UNMOUNT, { root_id: this.#rootId }, () => {
      this.#forget();
      this.root.handleUnmounted();
    });
  }

  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void {
    return this.#topology.push(event, { root_id: this.#rootId, ...payload }, answer, timeoutMs);
  }

  handleMessage(event: RootMessage, payload: unknown): void {
    if (event === ROOT_DOWN) this.#forget();
    this.root.handleMessage(event, payload);
  }

  /** Nobody wants this root any more. A mount that was never answered still counts as under way on the server. */
  dispose(): void {
    if (this.#rootId !== undefined) this.#forget();
    this.#topology.forget(this);
  }

  #forget(): void {
    if (this.#rootId !== undefined) this.#topology.byRootId.delete(this.#rootId);
    this.#rootId = undefined;
    this.#topology.mounted.delete(this.root);
  }

  #refuse(code: ErrorCode, details?: unknown): void {
    this.root.handleMountRefused(mountError(this.root, code, details));
  }

  #push(params: object, resume?: ResumePoint, isSecond = false): void {
    const { root } = this;
    const { module, id } = root;
    const topology = this.#topology;
    const { mounted, byRootId } = topology;
    // A repeat with other params finds the root that the first one's made, which is not what was asked for.
    const isRepeat = mounted.add(root, JSON.stringify(params));
    topology.push(MOUNT, { module, id, params, resume }, ({ status, response }) => {
      const { root_id, epoch, resumed } = isObject(response) ? response : {};
      const rootId = typeof root_id === "string" ? root_id : id;
      const isHeld = status === "error" && replyReason(response) === "already_mounted";
      // The server holds this pair from before, or with other params.
      const isPhantom = isHeld && !isRepeat;
      const isTaken = byRootId.has(rootId) || (isPhantom && rootId === id && mounted.hasNamesake(root));
      if (isPhantom && !isSecond && !isTaken) {
        mounted.delete(root);
        topology.push(UNMOUNT, { root_id: rootId }, () => this.#push(params, undefined, true));
        return;
      }
      topology.answered(this, () => {
        // What has not answered may yet mount it.
        if (status === "timeout") return this.#refuse("mount_timeout");
        const code =
          isPhantom && isSecond
            ? "inconsistent"
            : status === "error" && !isHeld
              ? "mount_refused"
              : isTaken
                ? "root_id_taken"
                : undefined;
        if (code !== undefined) {
          mounted.delete(root);
          return this.#refuse(code, status === "error" ? response : undefined);
        }
        if (rootId === id) topology.namesRootsById = true;
        this.#rootId = rootId;
        root.handleMounted(typeof epoch === "string" ? epoch : undefined, !isHeld && resumed === true);
        topology.register(rootId, this);
      });
    });
  }
}
