import { isObject, MOUNT, type MusubiError, PATCH, SETTLED, UNMOUNT } from "@musubi/protocol";
import { canonicalJson } from "../canonical-json.js";
import { MusubiInconsistencyError, replyReason } from "../errors.js";
import type { RootMessage } from "./live-channel.js";
import { mountError, type RootIdentity, refusedError, rootKey, timeoutError } from "./root-identity.js";
import type { LinkAnswer, ResumePoint, RootLinkEvents } from "./root-link.js";
import type { SharedTopology } from "./shared-topology.js";
import type { ConnectedLink } from "./topology.js";

interface MountRequest {
  readonly params: object;
  readonly resume?: ResumePoint;
}

/**
 * A root on the channel that all roots of a connection share (protocol.md section 2). It owns what the server's
 * `root_id` means, and what `already_mounted` does: an alias of this very mount, or a phantom to be unmounted first.
 */
export class SharedRootLink implements ConnectedLink {
  readonly #root: RootIdentity;
  readonly #key: string;
  readonly #topology: SharedTopology;
  readonly #events: RootLinkEvents;
  #rootId: string | undefined;
  /** What the server called the root in the join before, for it to be kept. */
  #formerRootId: string | undefined;

  constructor(root: RootIdentity, topology: SharedTopology, events: RootLinkEvents) {
    this.#root = root;
    this.#key = rootKey(root);
    this.#topology = topology;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#rootId !== undefined && this.#topology.isOpen;
  }

  /** The `root_id` that the server shall keep for this root in the next join; `undefined` when it need not. */
  get keptRootId(): string | undefined {
    return this.#events.canResume ? (this.#rootId ?? this.#formerRootId) : undefined;
  }

  handleDrop(): void {
    this.#formerRootId = this.#rootId ?? this.#formerRootId;
    this.#rootId = undefined;
    this.#events.handleDrop();
  }

  mount(params: object, resume?: ResumePoint): void {
    const { queue, mounted, namesRootsById } = this.#topology;
    if (queue.takeCondemned(this.#key))
      this.#refuse(mountError(this.#root, "mount_crashed", "mounting it crashed the server's channel twice"));
    else if (namesRootsById && mounted.hasNamesake(this.#root)) this.#refuse(this.#takenError(this.#root.id));
    else queue.request(this.#key, () => this.#push(resume === undefined ? { params } : { params, resume }));
  }

  unmount(): void {
    this.#topology.push(UNMOUNT, { root_id: this.#rootId }, () => {
      this.#forget();
      this.#events.handleUnmounted();
    });
  }

  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void {
    return this.#topology.push(event, { root_id: this.#rootId, ...payload }, answer, timeoutMs);
  }

  handleMessage(event: RootMessage, payload: unknown): void {
    if (event === PATCH) this.#events.handlePatch(payload);
    else if (event === SETTLED) this.#events.handleSettled(payload);
    else {
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
    this.#topology.queue.forget(this.#key);
    this.#topology.forget(this);
  }

  #forget(): void {
    if (this.#rootId !== undefined) this.#topology.byRootId.delete(this.#rootId);
    this.#rootId = undefined;
    this.#topology.mounted.delete(this.#root);
  }

  #push(request: MountRequest, isSecond = false): void {
    const { mounted, host } = this.#topology;
    // A repeat with other params finds the root that the first one's made, which is not what was asked for.
    const params = canonicalJson(request.params);
    const isRepeat = mounted.add(this.#root, params);
    this.#topology.push(MOUNT, { ...this.#root, ...request }, ({ status, response }) => {
      const { root_id, epoch, resumed } = isObject(response) ? response : {};
      const rootId = typeof root_id === "string" ? root_id : this.#root.id;
      const isHeld = status === "error" && replyReason(response) === "already_mounted";
      if (isHeld && !isRepeat) return this.#handlePhantom(rootId, request.params, isSecond);
      this.#topology.answered(this.#key, () => {
        if (status === "timeout") this.#refuse(timeoutError(this.#root, host.mountTimeoutMs));
        else if (status === "error" && !isHeld) this.#refuseAnswered(refusedError(this.#root, response));
        else if (this.#isTaken(rootId)) this.#refuseAnswered(this.#takenError(rootId));
        else {
          if (rootId === this.#root.id) this.#topology.namesRootsById = true;
          this.#rootId = rootId;
          this.#events.handleMounted({
            epoch: !isHeld && typeof epoch === "string" ? epoch : undefined,
            isResumed: !isHeld && resumed === true,
          });
          this.#topology.register(rootId, this);
        }
      });
    });
  }

  /** The server holds this pair from before, or with other params: it is unmounted, and mounted once more. */
  #handlePhantom(rootId: string, params: object, isSecond: boolean): void {
    const { mounted, byRootId } = this.#topology;
    const isOthers = byRootId.has(rootId) || (rootId === this.#root.id && mounted.hasNamesake(this.#root));
    if (!isSecond && !isOthers) {
      mounted.delete(this.#root);
      this.#topology.push(UNMOUNT, { root_id: rootId }, () => this.#push({ params }, true));
      return;
    }
    this.#topology.answered(this.#key, () => {
      if (!isSecond) return this.#refuseAnswered(this.#takenError(rootId));
      const { module, id } = this.#root;
      const message = `${module} "${id}" is "already_mounted" even after an unmount of "${rootId}". Use another id.`;
      this.#refuseAnswered(new MusubiInconsistencyError(message, { rootId }));
    });
  }

  #isTaken(rootId: string): boolean {
    return (this.#topology.byRootId.get(rootId) ?? this) !== this;
  }

  #takenError(rootId: string): MusubiError {
    const why = `another root has the root_id "${rootId}" on this server; use another id`;
    return mountError(this.#root, "root_id_taken", why);
  }

  /** The server does not hold the pair for this root. */
  #refuseAnswered(error: MusubiError): void {
    this.#topology.mounted.delete(this.#root);
    this.#refuse(error);
  }

  #refuse(error: MusubiError): void {
    this.#events.handleMountRefused(error);
  }
}
