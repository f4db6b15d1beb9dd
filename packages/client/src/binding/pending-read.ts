import { targetOf } from "../proxy.js";
import { OneTimer } from "../one-timer.js";
import { waitFor } from "../wait.js";
import type { AnyStore } from "./any-store.js";
import { requireClient } from "./server-render-error.js";

/** Milliseconds that what a render asked for is kept after it is there, unless the render is committed before. */
export const UNCLAIMED_MS = 5_000;

/** The waits under way, by what each waits for. */
const waits = new WeakMap<object, Promise<void>>();

/**
 * The promise to suspend on until `isThere`; the same one for the same `key` until it settles, which it does also when
 * there is nothing to wait for any more. The root is kept for as long, and then until a commit had time to hold it.
 * Throws on a server, and when the root is closed.
 */
export function pendingRead(store: AnyStore, key: object, isThere: () => boolean): Promise<void> {
  requireClient();
  const { root } = targetOf(store);
  if (root.isClosed) throw root.closedError();
  let wait = waits.get(key);
  if (wait === undefined) {
    const end = (): void => {
      waits.delete(key);
      new OneTimer(root.host.clock).start(UNCLAIMED_MS, () => root.release());
    };
    root.retain();
    wait = waitFor(store, isThere).then(end, end);
    waits.set(key, wait);
  }
  return wait;
}
