/**
 * The life of a root, without its driver:
 *
 * ```
 * mounting --mounted--> live --close--> closing --terminated--> closed
 *    |  \                 \--render_failed--> down --terminated--> closed
 *    |   \--close--> closing
 *    \--mount_failed--> closed
 * ```
 *
 * It owns no store, no socket and no clock; {@link Root} drives it.
 */

/** Why a root is being closed. */
export type CloseReason = "unmount" | "disconnect" | "shutdown";

export type RootState =
  /** The first message runs: nothing has been sent. */
  | { readonly status: "mounting" }
  /** `version` is that of the last envelope. */
  | { readonly status: "live"; readonly version: number }
  /** Nothing is sent any more; stores terminate. */
  | { readonly status: "closing"; readonly reason: CloseReason }
  /** A render failed; stores terminate. */
  | { readonly status: "down"; readonly version: number }
  /** Nothing is left. */
  | { readonly status: "closed" };

export type RootEvent =
  | { readonly type: "mounted" }
  | { readonly type: "mount_failed" }
  /** A message changed something: an envelope is due. */
  | { readonly type: "changed" }
  | { readonly type: "render_failed" }
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
      return to({ status: "down", version: state.version }, [
        "refuse_messages",
        "send_root_down",
        "release",
        "terminate_stores",
      ]);
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

function to(state: RootState, effects: readonly RootEffect[] = NOTHING): RootTransition {
  return { state, effects };
}
