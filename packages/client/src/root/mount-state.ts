import type { MusubiError } from "@musubi/protocol";
import type { Observable } from "../observable.js";
import type { RootState } from "./root-state.js";

/** How a mounted root stands, for an app. */
export interface MountState {
  /**
   * `loading` before the first state; `live`; `stale` while there is no connection; `recovering` while it is mounted
   * anew; `failed` when the server has ended it; `closed` after the last unmount.
   */
  readonly status: "loading" | "live" | "stale" | "recovering" | "failed" | "closed";
  /** Whether the state shown came from a cache and has not been confirmed by the server. */
  readonly fromCache: boolean;
  /** Why the last mount failed, while it is not live. */
  readonly error?: MusubiError;
}

/** How a root in a state of its life stands, for an app. */
export function statusOf(status: RootState["status"], hasState: boolean, isJoined: boolean): MountState["status"] {
  if (status === "live" || status === "failed" || status === "closed") return status;
  if (!hasState) return "loading";
  return isJoined ? "recovering" : "stale";
}

/** Resolves when the root next goes live; rejects when it fails or closes first. */
export function nextLive(state: Observable<MountState>, closedError: () => MusubiError): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = state.subscribe(() => {
      const { status, error } = state.current;
      if (status !== "live" && status !== "failed" && status !== "closed") return;
      stop();
      if (status === "live") resolve();
      else reject(error ?? closedError());
    });
  });
}
