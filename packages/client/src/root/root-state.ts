/**
 * The life of a root on the wire, pure (protocol.md sections 2 and 3).
 *
 *   idle ─ join ▶ mounting ─ mounted ▶ opening ─ initial ▶ live     (mounting ─ resumed ▶ live)
 *                    ▲                    └─ inconsistent ─┴─▶ unmounting(mount) ─ unmounted ▶ waiting ─ due ─▶ mounting
 *                    └──────────────────────────────────────────────────────────────────────────────────────────┘
 *   drop, from any state on the wire ▶ idle (or closed, when nobody wants the root any more)
 *   release ▶ unmounting(close) ─ unmounted ▶ closed (terminal)          failed: stays until released or remounted
 *
 * It knows nothing of trees, versions, sockets and clocks: the driver turns messages into events, and owns timers.
 */
export type RootState =
  /** Wanted, but there is no join to mount it in. */
  | { readonly status: "idle" }
  /** `mount` is asked for and unanswered. Not wanted any more: it is unmounted as soon as the answer is there. */
  | { readonly status: "mounting"; readonly wanted: boolean }
  /** Mounted; its initial envelope is awaited. */
  | { readonly status: "opening" }
  | { readonly status: "live" }
  /** `unmount` is unanswered; whatever comes for the root meanwhile is dropped. */
  | { readonly status: "unmounting"; readonly next: "close" | "mount" }
  /** Not on the wire; mounted again after a back-off. */
  | { readonly status: "waiting" }
  /** Not on the wire and not to be tried again by itself; the last tree stays readable. */
  | { readonly status: "failed" }
  | { readonly status: "closed" };

export type RootEvent =
  /** A join began. */
  | { readonly type: "join" }
  /** The join ended. */
  | { readonly type: "drop" }
  /** The mount was answered ok. */
  | { readonly type: "mounted" }
  /** The mount was refused or timed out. */
  | { readonly type: "refused"; readonly outcome: "closed" | "failed" | "retry" }
  /** The mount was answered ok, and the root goes on from where it was. */
  | { readonly type: "resumed" }
  /** The initial envelope has been applied. */
  | { readonly type: "initial" }
  /** A gap, an envelope that does not apply, no initial envelope in time; or new params are to be mounted. */
  | { readonly type: "inconsistent" }
  /** The unmount was answered, in whatever way. */
  | { readonly type: "unmounted" }
  /** The back-off is over. */
  | { readonly type: "due" }
  /** `root_down`: the server has ended this root. */
  | { readonly type: "down"; readonly outcome: "closed" | "failed" | "retry" }
  /** Nobody holds the root any more. */
  | { readonly type: "release" }
  /** Somebody holds the root again. */
  | { readonly type: "retain" };

/** What the driver has to do, in order. */
export type RootEffect =
  | "mount"
  | "unmount"
  /** Start the timer for the initial envelope. */
  | "await_initial"
  /** Start the back-off timer. */
  | "wait"
  /** All timers of the former state end. */
  | "stop_timers"
  /** The way to the server is lost: commands that it would recognise wait, others that were sent are interrupted. */
  | "drop_commands"
  /** Commands that were sent and not answered end as interrupted. */
  | "interrupt_commands"
  /** The root leaves the connection; everything that waits on it is settled. */
  | "dispose";

export interface RootTransition {
  readonly state: RootState;
  readonly effects: readonly RootEffect[];
}

type Cell<Type extends RootEvent["type"]> = (
  state: RootState,
  event: Extract<RootEvent, { type: Type }>,
) => RootTransition;
type Row = { readonly [Type in RootEvent["type"]]: Cell<Type> };
type Table = Readonly<Record<RootState["status"], Row>>;

const IDLE: RootState = { status: "idle" };
const MOUNTING: RootState = { status: "mounting", wanted: true };
const CLOSED: RootState = { status: "closed" };

const stay = (state: RootState): RootTransition => ({ state, effects: [] });
const to =
  (state: RootState, ...effects: RootEffect[]) =>
  (): RootTransition => ({ state, effects });

/** Where a refused or ended root goes: it never was (closed), it stays with its last tree (failed), or it tries again. */
const settle = (outcome: "closed" | "failed" | "retry"): RootTransition => {
  switch (outcome) {
    case "closed":
      return { state: CLOSED, effects: ["stop_timers", "dispose"] };
    case "failed":
      return { state: { status: "failed" }, effects: ["stop_timers", "interrupt_commands"] };
    case "retry":
      return { state: { status: "waiting" }, effects: ["stop_timers", "interrupt_commands", "wait"] };
  }
};

const close = to({ status: "unmounting", next: "close" }, "stop_timers", "unmount");
const recover = to({ status: "unmounting", next: "mount" }, "stop_timers", "unmount");
const drop = to(IDLE, "stop_timers", "drop_commands");
const rejoin = to(MOUNTING, "stop_timers", "drop_commands", "mount");
const leave = to(CLOSED, "stop_timers", "dispose");

const TABLE: Table = {
  idle: {
    join: to(MOUNTING, "mount"),
    drop: stay,
    mounted: stay,
    resumed: stay,
    refused: stay,
    initial: stay,
    inconsistent: stay,
    unmounted: stay,
    due: stay,
    down: stay,
    release: leave,
    retain: stay,
  },
  mounting: {
    join: (state) => (isWanted(state) ? rejoin() : leave()),
    drop: (state) => (isWanted(state) ? drop() : leave()),
    mounted: (state) => (isWanted(state) ? { state: { status: "opening" }, effects: ["await_initial"] } : close()),
    resumed: (state) => (isWanted(state) ? { state: { status: "live" }, effects: [] } : close()),
    refused: (state, event) => (isWanted(state) ? settle(event.outcome) : leave()),
    initial: stay,
    inconsistent: stay,
    unmounted: stay,
    due: stay,
    down: stay,
    release: to({ status: "mounting", wanted: false }),
    retain: to(MOUNTING),
  },
  opening: {
    join: rejoin,
    drop,
    mounted: stay,
    resumed: stay,
    refused: stay,
    initial: to({ status: "live" }, "stop_timers"),
    inconsistent: recover,
    unmounted: stay,
    due: stay,
    down: (_state, event) => settle(event.outcome),
    release: close,
    retain: stay,
  },
  live: {
    join: rejoin,
    drop,
    mounted: stay,
    resumed: stay,
    refused: stay,
    initial: stay,
    inconsistent: recover,
    unmounted: stay,
    due: stay,
    down: (_state, event) => settle(event.outcome),
    release: close,
    retain: stay,
  },
  unmounting: {
    join: (state) => (isRemounting(state) ? rejoin() : leave()),
    drop: (state) => (isRemounting(state) ? drop() : leave()),
    mounted: stay,
    resumed: stay,
    refused: stay,
    initial: stay,
    inconsistent: stay,
    unmounted: (state) =>
      isRemounting(state)
        ? { state: { status: "waiting" }, effects: ["stop_timers", "interrupt_commands", "wait"] }
        : leave(),
    due: stay,
    down: stay,
    release: to({ status: "unmounting", next: "close" }),
    retain: to({ status: "unmounting", next: "mount" }),
  },
  waiting: {
    join: rejoin,
    drop,
    mounted: stay,
    resumed: stay,
    refused: stay,
    initial: stay,
    // The holder asked for new params: no reason to wait.
    inconsistent: to(MOUNTING, "stop_timers", "mount"),
    unmounted: stay,
    due: to(MOUNTING, "mount"),
    down: stay,
    release: leave,
    retain: stay,
  },
  failed: {
    join: stay,
    drop: stay,
    mounted: stay,
    resumed: stay,
    refused: stay,
    initial: stay,
    // The holder asked for new params: a fresh start.
    inconsistent: to({ status: "waiting" }, "wait"),
    unmounted: stay,
    due: stay,
    down: stay,
    release: leave,
    retain: stay,
  },
  closed: {
    join: stay,
    drop: stay,
    mounted: stay,
    resumed: stay,
    refused: stay,
    initial: stay,
    inconsistent: stay,
    unmounted: stay,
    due: stay,
    down: stay,
    release: stay,
    retain: stay,
  },
};

function isWanted(state: RootState): boolean {
  return state.status === "mounting" && state.wanted;
}

function isRemounting(state: RootState): boolean {
  return state.status === "unmounting" && state.next === "mount";
}

/** The state after `event`, and what the driver has to do. Total: every state takes every event. */
export function nextRootState(state: RootState, event: RootEvent): RootTransition {
  const cell = TABLE[state.status][event.type] as (state: RootState, event: RootEvent) => RootTransition;
  return cell(state, event);
}
