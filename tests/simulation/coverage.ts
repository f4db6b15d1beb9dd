/** What a simulation has to have come across for its result to mean anything. */
export const COVERED = [
  "mount ok",
  "mount resumed",
  "mount not resumed",
  "mount refused",
  "mount crashes the channel",
  "mount early",
  "mount early, overflowing",
  "mount slow",
  "mount stillborn",
  "mount with a late first envelope",
  "mount on a channel of its own",
  "mount answered with another's root",
  "phantom",
  "phantom that stays",
  "unmount",
  "root down, to be retried",
  "root down for good",
  "restart in place",
  "envelope with a gap",
  "envelope that does not apply",
  "envelope of a wrong shape",
  "event",
  "join",
  "join with a session taken up",
  "join with a session gone",
  "join refused",
  "join moved",
  "join unanswered",
  "connect refused",
  "connect refused after too many moves",
  "socket moved",
  "socket back home",
  "second connection on the socket",
  "channel closed",
  "channel crashed",
  "session taken over",
  "session expired",
  "cut",
  "delay",
  "duplicate",
  "half_open",
  "refuse",
  "restart",
  "crash",
  "close",
  "socket closed by the app",
  "socket opened by the app",
  "disconnect",
  "holder with the root of another",
  "mount with other params",
  "remount",
  "root recovering",
  "root stale",
  "root failed: root_down",
  "root failed: inconsistent",
  "root failed: root_id_taken",
  "root failed: mount_crashed",
  "mount failed: mount_refused",
  "mount failed: mount_crashed",
  "mount failed: mount_timeout",
  "mount failed: root_id_taken",
  "mount failed: inconsistent",
  "mount failed: root_down",
  "mount failed: unmounted",
  "mount failed: disconnected",
  "mount failed: join_refused",
  "command resolved",
  "command rejected",
  "command not_sent",
  "command unknown",
  "command repeated",
  "command refused: too_many_unacked",
  "update shown",
  "update over a store below the root",
  "update rolled back",
  "update confirmed by settled",
  "update confirmed without settled",
  "update confirmed after a loss",
  "update through an envelope",
  "update that throws",
  "several updates at once",
  "listener called",
  "listener of an absent store",
  "listener added in a notification",
  "listener removed in a notification",
  "command sent in a notification",
  "root given back in a notification",
  "state kept",
  "state handed over",
  "initial data shown",
  "cached state shown",
  "cached state replaced by the server's",
  "persister in trouble",
  "cache cleared",
  "root failed: mount_refused",
  "upload taken",
  "upload refused",
  "upload refused here",
  "upload unanswered",
  "upload crashes the channel",
  "upload known again",
  "upload taken twice",
  "upload elsewhere",
  "upload elsewhere failed",
  "upload complete",
  "upload cancelled",
  "upload too late",
  "upload continued from an offset",
  "upload interrupted",
  "upload troubled by the server",
  "upload slot reset",
  "chunk",
  "chunk refused",
  "settled world",
] as const;

/** One of {@link COVERED}. */
export type Kind = (typeof COVERED)[number];

/** How often each kind of thing happened. */
export type Counts<Each extends string = Kind> = ReadonlyMap<Each, number>;

/** Counts what happens. */
export class Coverage<Each extends string = Kind> {
  readonly #counts = new Map<Each, number>();

  get counts(): Counts<Each> {
    return this.#counts;
  }

  note(kind: Each): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  add(counts: Counts<Each>): void {
    for (const [kind, count] of counts) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
  }
}

/** A kind whose name is made of parts; one that the table does not know is a surprise. */
export function covered(kind: string): Kind;
export function covered<Each extends string>(kind: string, kinds: readonly Each[]): Each;
export function covered(kind: string, kinds: readonly string[] = COVERED): string {
  if (!kinds.includes(kind)) throw new Error(`no scenario is known to come to this: ${kind}`);
  return kind;
}

/** What never happened. */
export function missing<Each extends string>(counts: Counts<Each>, kinds: readonly Each[]): Each[] {
  return kinds.filter((kind) => !counts.has(kind));
}

/** The counts as a table to read. */
export function describeCounts<Each extends string>(counts: Counts<Each>, kinds: readonly Each[]): string {
  const width = Math.max(...kinds.map((kind) => kind.length));
  return kinds.map((kind) => `${kind.padEnd(width)} ${String(counts.get(kind) ?? 0).padStart(9)}`).join("\n");
}
