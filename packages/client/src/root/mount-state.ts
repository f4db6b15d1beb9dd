import type { MusubiError } from "@musubi/protocol";
import { mountError, type RootIdentity } from "../connection/root-identity.js";
import { createDeferred, type Deferred } from "../deferred.js";
import type { Logger } from "../logger.js";
import { ObservableValue } from "../observable.js";
import type { Replica } from "./replica.js";
import type { RootState } from "./root-state.js";

/** How a mounted root stands, for an app. */
export interface MountState {
  /**
   * `loading` before the first state; `live`; `stale` while there is no connection, and while the state is one from a
   * cache; `recovering` while it is mounted anew; `failed` when the server has ended it; `closed` after the last unmount.
   */
  readonly status: "loading" | "live" | "stale" | "recovering" | "failed" | "closed";
  /** Whether the state shown came from a cache and has not been confirmed by the server. */
  readonly fromCache: boolean;
  /** Why the last mount failed, while it is not live. */
  readonly error?: MusubiError;
}

/** How a mounted root stands, as it is told to those who wait for it. */
export class MountProgress<Root extends RootIdentity> {
  readonly state: ObservableValue<MountState>;
  /** Resolves at the first state, a cached one too; rejects when the root ends before. */
  readonly ready: Deferred<Root> = createDeferred();
  /** Resolves at the first state of the server's own; rejects when the root fails or ends before. */
  readonly revalidated: Deferred<void> = createDeferred();
  readonly #root: Root;

  constructor(root: Root, logger: Logger) {
    this.#root = root;
    this.state = new ObservableValue<MountState>({ status: "loading", fromCache: false }, logger);
  }

  /** What a wait for the root ends in once it has ended. */
  get endError(): MusubiError {
    return this.state.current.error ?? mountError(this.#root, "unmounted");
  }

  /** Tells how the root stands now, if that is news. */
  publish(
    machine: RootState,
    { hasState, fromCache }: Pick<Replica, "hasState" | "fromCache">,
    isJoined: boolean,
    lastError: MusubiError | undefined,
  ): void {
    const { current } = this.state;
    const status =
      machine === "live" || machine === "failed" || machine === "closed"
        ? machine
        : !hasState
          ? "loading"
          : isJoined && !fromCache
            ? "recovering"
            : "stale";
    const error = status === "live" || status === "loading" ? undefined : lastError;
    if (status === current.status && error === current.error && fromCache === current.fromCache) return;
    this.state.set({ status, fromCache, ...(error && { error }) });
    if (hasState) this.ready.resolve(this.#root);
    if (status === "live") this.revalidated.resolve();
    if (hasEnded(status)) {
      this.ready.reject(this.endError);
      this.revalidated.reject(this.endError);
    }
  }

  /** Resolves when the root next goes live; rejects when it fails or closes first. */
  nextLive(): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = this.state.subscribe(() => {
        const { status } = this.state.current;
        if (status === "live") resolve();
        else if (hasEnded(status)) reject(this.endError);
        else return;
        stop();
      });
    });
  }
}

function hasEnded(status: MountState["status"]): boolean {
  return status === "failed" || status === "closed";
}
