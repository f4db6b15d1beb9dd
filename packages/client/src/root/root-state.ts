/**
 * The life of a root on the wire, pure (protocol.md sections 2 and 3).
 *
 *   idle ─ join ▶ mounting ─ mounted ▶ opening ─ initial ▶ live     (mounting ─ resumed ▶ live)
 *                    ▲                    └─ inconsistent ─┴─▶ recovering ─ unmounted ▶ waiting ─ due ─▶ mounting
 *                    └──────────────────────────────────────────────────────────────────────────────────────┘
 *   drop, from any state on the wire ▶ idle (or closed, when nobody wants the root any more)
 *   release ▶ closing ─ unmounted ▶ closed (terminal)          failed: stays until released or remounted
 *
 * It knows nothing of trees, versions, sockets and clocks: the driver turns messages into events, and owns timers.
 */
export type RootState =
  /** Wanted, but there is no join to mount it in. */
  | "idle"
  /** `mount` is asked for and unanswered. */
  | "mounting"
  /** As `mounting`, but not wanted any more: it is unmounted as soon as the answer is there. */
  | "abandoned"
  /** Mounted; its initial envelope is awaited. */
  | "opening"
  | "live"
  /** `unmount` is unanswered; whatever comes for the root meanwhile is dropped. Mounted again after the answer. */
  | "recovering"
  /** As `recovering`, but not wanted any more. */
  | "closing"
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
  /** Nobody holds the root any more. */
  | "release"
  /** Somebody holds the root again. */
  | "retain";

/** What the driver has to do, in order. */
export type RootEffect =
  | "mount"
  | "unmount"
  /** Start the timer for the initial envelope. */
  | "await_initial"
  /** Start the back-off timer. */
  | "wait"
  /** The timer of the former state ends. */
  | "stop_timer"
  /** The way to the server is lost: commands that it would recognise wait, others that were sent are interrupted. */
  | "drop_commands"
  /** Commands that were sent and not answered end as interrupted. */
  | "interrupt_commands"
  /** The root leaves the connection; everything that waits on it is settled. */
  | "dispose";

export type RootTransition = readonly [RootState, ...RootEffect[]];

type Row = Readonly<Partial<Record<RootEvent, RootTransition>>>;

const CLOSE: RootTransition = ["closed", "stop_timer", "dispose"];
const RETRY: RootTransition = ["waiting", "stop_timer", "interrupt_commands", "wait"];
const ends: Row = { end: CLOSE, fail: ["failed", "stop_timer", "interrupt_commands"], retry: RETRY };
/** On the wire and wanted. */
const wanted: Row = {
  join: ["mounting", "stop_timer", "drop_commands", "mount"],
  drop: ["idle", "stop_timer", "drop_commands"],
};
const unwanted: Row = { join: CLOSE, drop: CLOSE };
const mounted: Row = {
  ...wanted,
  ...ends,
  inconsistent: ["recovering", "stop_timer", "unmount"],
  release: ["closing", "stop_timer", "unmount"],
};

/** What is not named stays as it is. */
const TABLE: Readonly<Record<RootState, Row>> = {
  idle: { join: ["mounting", "mount"], release: CLOSE },
  mounting: {
    ...wanted,
    ...ends,
    mounted: ["opening", "await_initial"],
    resumed: ["live"],
    release: ["abandoned"],
  },
  abandoned: {
    ...unwanted,
    mounted: ["closing", "stop_timer", "unmount"],
    resumed: ["closing", "stop_timer", "unmount"],
    end: CLOSE,
    fail: CLOSE,
    retry: CLOSE,
    retain: ["mounting"],
  },
  opening: { ...mounted, initial: ["live", "stop_timer"] },
  live: mounted,
  recovering: { ...wanted, unmounted: RETRY, release: ["closing"] },
  closing: { ...unwanted, unmounted: CLOSE, retain: ["recovering"] },
  // Inconsistent, when not on the wire: the holder asked for new params, which is no reason to wait.
  waiting: {
    ...wanted,
    inconsistent: ["mounting", "stop_timer", "mount"],
    due: ["mounting", "mount"],
    release: CLOSE,
  },
  failed: { inconsistent: ["waiting", "wait"], release: CLOSE },
  closed: {},
};

/** The state after `event`, and what the driver has to do. Total: every state takes every event. */
export function nextRootState(state: RootState, event: RootEvent): RootTransition {
  return TABLE[state][event] ?? [state];
}
