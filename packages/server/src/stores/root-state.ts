/**
 * The life of a root, without its driver:
 *
 * ```
 * mounting --mounted--> live --close--> closing --terminated--> closed
 *    |  \                 \--render_failed, left_behind--> down --terminated--> closed
 *    |   \--close--> closing
 *    \--mount_failed--> closed
 * ```
 *
 * It owns no store, no socket and no clock; {@link Root} drives it.
 */

/** Why a root goes down, as its client is told: a render failed, or the client reads too slowly. */
export type DownReason = "render_failed" | "overloaded";

/** Why a root is being closed. */
export type CloseReason = "unmount" | "disconnect" | "shutdown";

export type RootState =
  /** The first message runs: nothing has been sent. */
  | { readonly status: "mounting" }
  /** `version` is that of the last envelope. */
  | { readonly status: "live"; readonly version: number }
  /** Nothing is sent any more; stores terminate. */
  | { readonly status: "closing"; readonly reason: CloseReason }
  /** It cannot go on, and its client is to mount it again; stores terminate. */
  | { readonly status: "down"; readonly version: number; readonly reason: DownReason }
  /** Nothing is left. */
  | { readonly status: "closed" };

export type RootEvent =
  | { readonly type: "mounted" }
  | { readonly type: "mount_failed" }
  /** A message changed something: an envelope is due. */
  | { readonly type: "changed" }
  | { readonly type: "render_failed" }
  /** More changed than may be held for a client that does not read. */
  | { readonly type: "left_behind" }
  | { readonly type: "close"; readonly reason: CloseReason }
  /** Every store has terminated. */
  | { readonly type: "terminated" };

/** What the driver has to do on a transition, in this order. */
export type RootEffect =
  /** Answer everything that waits or runs, and accept nothing more. */
  | "refuse_messages"
  | "send_root_down"
  /** Tell the holder that the root is gone: the pair can be mounted again. */
  | "release"
  | "terminate_stores";

export interface RootTransition {
  readonly state: RootState;
  readonly effects: readonly RootEffect[];
}

const NOTHING: readonly RootEffect[] = [];
const CLOSED: RootState = { status: "closed" };

/** The next state; the same one, without effects, where an event means nothing. */
export function nextRootState(state: RootState, event: RootEvent): RootTransition {
  switch (state.status) {
    case "mounting":
      return whileMounting(state, event);
    case "live":
      return whileLive(state, event);
    case "closing":
    case "down":
      return event.type === "terminated" ? to(CLOSED) : to(state);
    case "closed":
      return to(state);
    default:
      return state satisfies never;
  }
}

function whileMounting(state: RootState, event: RootEvent): RootTransition {
  switch (event.type) {
    case "mounted":
      return to({ status: "live", version: 1 });
    case "mount_failed":
    case "render_failed":
      return to(CLOSED, ["refuse_messages", "release"]);
    case "close":
      return to({ status: "closing", reason: event.reason }, ["refuse_messages", "release", "terminate_stores"]);
    case "changed":
    case "left_behind":
    case "terminated":
      return to(state);
    default:
      return event satisfies never;
  }
}

function whileLive(state: RootState & { readonly status: "live" }, event: RootEvent): RootTransition {
  switch (event.type) {
    case "changed":
      return to({ status: "live", version: state.version + 1 });
    case "render_failed":
      return down(state, "render_failed");
    case "left_behind":
      return down(state, "overloaded");
    case "close":
      return to({ status: "closing", reason: event.reason }, ["refuse_messages", "release", "terminate_stores"]);
    case "mounted":
    case "mount_failed":
    case "terminated":
      return to(state);
    default:
      return event satisfies never;
  }
}

function down({ version }: RootState & { readonly status: "live" }, reason: DownReason): RootTransition {
  const effects = ["refuse_messages", "send_root_down", "release", "terminate_stores"] as const;
  return to({ status: "down", version, reason }, effects);
}

function to(state: RootState, effects: readonly RootEffect[] = NOTHING): RootTransition {
  return { state, effects };
}
