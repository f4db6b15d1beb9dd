/** Something that holds writes back until the end of the tick. */
export interface Flushable {
  /** Writes what is held. Does not throw. */
  flush(): void;
}

let waiting: Flushable[] = [];

/**
 * Has `flushable` flushed at the end of this tick, what the tick's promises still do included.
 *
 * One queue for all sockets: a broadcast to thousands schedules one callback.
 */
export function flushLater(flushable: Flushable): void {
  waiting.push(flushable);
  // The microtask queue runs dry before the next tick's callback, and whatever it still sends goes along.
  if (waiting.length === 1) queueMicrotask(() => process.nextTick(flushAll));
}

function flushAll(): void {
  const batch = waiting;
  waiting = [];
  for (const flushable of batch) flushable.flush();
}
