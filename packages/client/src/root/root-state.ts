/**
 * The life of a root on the wire, pure (protocol.md sections 2 and 3).
 *
 *   idle ─ join ▶ mounting ─ mounted ▶ opening ─ initial ▶ live     (mounting ─ resumed ▶ live)
 *                    ▲                    └─ inconsistent ─┴─▶ recovering ─ unmounted ▶ waiting ─ due ─▶ mounting
 *                    └──────────────────────────────────────────────────────────────────────────────────────┘
 *   drop, from any state on the wire ▶ idle          failed: stays until released or remounted
 *
 * A root that nobody wants any more goes the same ways, and ends where it would wait or stay: what is unanswered is
 * waited for, what is mounted is unmounted, and all else is closed (terminal).
 *
 * It knows nothing of trees, versions, sockets and clocks: the driver turns messages into events, and does what the
 * state that it enters stands for.
 */
export type RootState =
  /** There is no join to mount it in. */
  | "idle"
  /** `mount` is asked for and unanswered. */
  | "mounting"
  /** Mounted; its initial envelope is awaited. */
  | "opening"
  | "live"
  /** `unmount` is unanswered; whatever comes for the root meanwhile is dropped. */
  | "recovering"
  /** Not on the wire; mounted again after a back-off. */
  | "waiting"
  /** Not on the wire and not to be tried again by itself; the last tree stays readable. */
  | "failed"
  | "closed";

/** What becomes of a root whose mount was refused, or that the server ended: it goes, stays as it is, or tries again. */
export type RootOutcome = "end" | "fail" | "retry";

export type RootEvent =
  /** A join began. */
  | "join"
  /** The join ended. */
  | "drop"
  /** The mount was answered ok. */
  | "mounted"
  /** The mount was answered ok, and the root goes on from where it was. */
  | "resumed"
  /** The mount was refused or timed out, or `root_down`: the server has ended this root. */
  | RootOutcome
  /** The initial envelope has been applied. */
  | "initial"
  /** A gap, an envelope that does not apply, no initial envelope in time; or new params are to be mounted. */
  | "inconsistent"
  /** The unmount was answered, in whatever way. */
  | "unmounted"
  /** The back-off is over. */
  | "due"
  /** Nobody wants the root any more. */
  | "release";

type Row = Readonly<Partial<Record<RootEvent, RootState>>>;

const ends: Row = { end: "closed", fail: "failed", retry: "waiting" };
const mounted: Row = { ...ends, drop: "idle", inconsistent: "recovering" };

/** What is not named stays as it is. */
const WANTED: Readonly<Record<RootState, Row>> = {
  idle: { join: "mounting" },
  mounting: { ...ends, drop: "idle", mounted: "opening", resumed: "live" },
  opening: { ...mounted, initial: "live" },
  live: mounted,
  recovering: { drop: "idle", unmounted: "waiting" },
  // Inconsistent, when not on the wire: the holder asked for new params, which is no reason to wait.
  waiting: { drop: "idle", due: "mounting", inconsistent: "mounting" },
  failed: { inconsistent: "waiting" },
  closed: {},
};

/** Where a root that nobody wants goes instead. */
const UNWANTED: { readonly [state in RootState]?: RootState } = {
  idle: "closed",
  opening: "recovering",
  live: "recovering",
  waiting: "closed",
  failed: "closed",
};

/** The state after `event`. Total: every state takes every event. */
export function nextRootState(state: RootState, event: RootEvent, isWanted: boolean): RootState {
  const next = WANTED[state][event] ?? state;
  return isWanted ? next : (UNWANTED[next] ?? next);
}
