/** What a simulation against the real server has to have come across for its result to mean anything. */
export const KINDS = [
  "mounted",
  "mount of what is forbidden",
  // It took too long.
  "mount failed: mount_refused",
  "mount failed: mount_timeout",
  "mount failed: unmounted",
  "cut",
  "delay",
  "half_open",
  "refuse",
  "restart",
  "line stalled",
  "conflated",
  "mounted again for slowness",
  "cut for slowness",
  "event",
  "command of a root",
  "command of a child",
  "command resolved",
  "command rejected: not_today",
  "command rejected: internal",
  "command rejected: timeout",
  "command rejected: unknown_store",
  "command rejected: unmounted",
  "command unknown",
  "command not_sent",
  "digest in time",
  "digest failed",
  "note",
  "unmounted",
  "settled world",
] as const;

/** One of {@link KINDS}. */
export type Kind = (typeof KINDS)[number];
