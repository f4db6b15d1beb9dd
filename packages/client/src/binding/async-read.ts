import { MusubiError } from "@musubi/protocol";
import { describe } from "../errors.js";
import type { AsyncResult } from "../state/hydrate.js";

/** An async value that has data. */
export interface AsyncRead<Data = unknown> {
  readonly data: Data;
  /** Whether it is being loaded anew. */
  readonly isRefreshing: boolean;
}

/**
 * The data of an async value, `undefined` before there was any; `former` is what was shown before it was reset.
 * Throws `async_failed`, with the server's reason in `details`, for one that has failed.
 */
export function readAsync(result: AsyncResult | undefined, former: AsyncRead | undefined): AsyncRead | undefined {
  if (result?.status === "failed") {
    throw new MusubiError("async_failed", `An async value failed: ${describe(result.error)}.`, {
      details: result.error,
    });
  }
  if (result?.status === "ok") return { data: result.data, isRefreshing: false };
  if (result !== undefined && result.data !== null) return { data: result.data, isRefreshing: true };
  return former && { data: former.data, isRefreshing: true };
}
