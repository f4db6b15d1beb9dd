/** A pending timer of a {@link Clock}; opaque. */
export type TimerHandle = object | number;

/** Time and timers as the packages take them, so that tests can own them. All amounts are milliseconds. */
export interface Clock {
  /** Milliseconds since any fixed point; never runs backwards. */
  now(): number;
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
}
