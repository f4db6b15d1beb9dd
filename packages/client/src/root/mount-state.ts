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
export class MountProgress {
  readonly state: ObservableValue<MountState>;
  /** Resolves at the first state, a cached one too; rejects when the root ends before. */
  readonly ready: Deferred<void> = createDeferred();
  #live: Deferred<void> = createDeferred();
  readonly #root: RootIdentity;

  constructor(root: RootIdentity, logger: Logger) {
    this.#root = root;
    this.state = new ObservableValue<MountState>({ status: "loading", fromCache: false }, logger);
  }

  /** Resolves when the root next goes live; rejects when it fails or ends before. */
  get live(): Promise<void> {
    return this.#live.promise;
  }

  /** What a wait for the root ends in once it has ended. */
  endError(error: MusubiError | undefined = this.state.current.error): MusubiError {
    return error ?? mountError(this.#root, "unmounted");
  }

  /** Tells how the root stands now, if that is news. */
  publish(
    machine: RootState,
    { hasState, fromCache }: Pick<Replica, "hasState" | "fromCache">,
    isJoined: boolean,
    lastError: MusubiError | undefined,
  ): void {
    const { current } = this.state;
    const isSettled = machine === "live" || machine === "failed" || machine === "closed";
    const status = isSettled ? machine : !hasState ? "loading" : isJoined && !fromCache ? "recovering" : "stale";
    const error = status === "live" || status === "loading" ? undefined : lastError;
    if (status === current.status && error === current.error && fromCache === current.fromCache) return;
    const live = this.#live;
    if (isSettled) this.#live = createDeferred();
    if (hasState) this.ready.resolve();
    if (status === "live") live.resolve();
    else if (isSettled) {
      this.ready.reject(this.endError(error));
      live.reject(this.endError(error));
    }
    this.state.set({ status, fromCache, ...(error && { error }) });
  }
}
