import type { StoreEvent } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import { notifyAll, type Unsubscribe } from "../observable.js";
import type { StoreListener, StoreRecord } from "./store-record.js";
import type { StoreTree } from "./store-tree.js";

/** Subscribes to a store; `undo` gives the record free when nobody else waits for it. */
export function subscribeRecord(tree: StoreTree, record: StoreRecord, listener: StoreListener): Unsubscribe {
  const entry = { call: listener };
  const listeners = (record.listeners ??= new Set());
  listeners.add(entry);
  return () => {
    if (!listeners.delete(entry)) return;
    if (listeners.size === 0 && record.listeners === listeners) record.listeners = undefined;
    tree.release(record);
  };
}

/** Registers a handler of a store's events. */
export function handleRecordEvent(
  tree: StoreTree,
  record: StoreRecord,
  name: string,
  handler: (payload: unknown) => void,
): Unsubscribe {
  const entry = { call: handler };
  const byName = (record.handlers ??= new Map());
  const handlers = byName.get(name) ?? new Set();
  byName.set(name, handlers.add(entry));
  return () => {
    if (!handlers.delete(entry)) return;
    if (handlers.size === 0 && byName.get(name) === handlers) byName.delete(name);
    if (byName.size === 0 && record.handlers === byName) record.handlers = undefined;
    tree.release(record);
  };
}

/** Tells the listeners of the touched stores, once each; who comes or goes meanwhile counts from the next change. */
export function notifyStores(touched: readonly StoreRecord[], logger: Logger): void {
  const calls: StoreListener[] = [];
  for (let index = 0; index < touched.length; index++) {
    const { listeners } = touched[index] as StoreRecord;
    if (listeners !== undefined) for (const listener of listeners) calls.push(listener.call);
  }
  notifyAll(calls, logger);
}

/** Hands events to the handlers of the stores that emitted them; one without a store comes from the root. */
export function dispatchEvents(events: readonly StoreEvent[], tree: StoreTree, logger: Logger): void {
  for (const event of events) {
    const record = tree.find(event.store_id ?? []);
    const handlers = Array.from(record?.handlers?.get(event.name) ?? []);
    notifyAll(
      handlers.map((handler) => () => handler.call(event.payload)),
      logger,
    );
  }
}
