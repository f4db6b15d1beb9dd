import type { AnyStore } from "./any-store.js";
import { type ConnectionHandle, nextSocket } from "./connection-handle.js";
import type { RootWish } from "./root-wish.js";
import { requireClient } from "./server-render-error.js";

/** The store of a root, or a promise of news of it: see `SharedMount.suspend`. Throws on a server. */
export function suspendRoot({ canOpen, mounts }: ConnectionHandle, wish: RootWish): AnyStore | Promise<void> {
  requireClient();
  return canOpen ? mounts.suspend(wish) : (wish.dehydrated?.result.store ?? nextSocket());
}
