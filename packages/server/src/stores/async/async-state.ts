/**
 * The life of one piece of async work, without its driver:
 *
 * ```
 * scheduled --committed--> waiting --placed--> running --settled, timed_out--> settled --taken--> over
 *                             |                  |                               |  \--failed--> settled, over
 *                             \----cancelled-----+-------------------------------+
 *   any --dropped--> over
 * ```
 *
 * It owns no promise, no clock and no mailbox; `AsyncRun` drives it. SPEC.md says why it is so.
 */

/** What async work came to. */
export type AsyncEnd = "ok" | "failed" | "timeout" | "cancelled";

export type AsyncState =
  /** The message that asked for it has not succeeded yet: nothing has begun. */
  | { readonly status: "scheduled" }
  /** Its root runs as much as it may. */
  | { readonly status: "waiting" }
  /** The app's function has been called. */
  | { readonly status: "running" }
  /** What it came to is in the mailbox. */
  | { readonly status: "settled"; readonly end: AsyncEnd }
  /** Whatever still comes of it is dropped. */
  | { readonly status: "over" };

export type AsyncEvent =
  /** The message that asked for it has succeeded. */
  | { readonly type: "committed" }
  /** Its root has a place for it. */
  | { readonly type: "placed" }
  /** The app's function has come to an end. */
  | { readonly type: "settled"; readonly end: "ok" | "failed" }
  | { readonly type: "timed_out" }
  /** The store cancelled it, and wants to hear of it. */
  | { readonly type: "cancelled" }
  /** Its turn in the mailbox is through. */
  | { readonly type: "taken" }
  /** Its turn in the mailbox failed, and was rolled back. */
  | { readonly type: "failed" }
  /** Nobody waits for it any more: replaced, cancelled, or its store or root ended. */
  | { readonly type: "dropped" };

/** What the driver has to do on a transition, in this order. */
export type AsyncEffect =
  /** Ask the root for a place. */
  | "queue"
  /** Call the app's function and start its timer. */
  | "call"
  /** Stop the timer. */
  | "disarm"
  /** Abort the signal that the app's function has. */
  | "abort"
  /** Give the place back, or ask for none any more. */
  | "leave"
  /** Put what it came to into the mailbox. */
  | "enqueue";

export interface AsyncTransition {
  readonly state: AsyncState;
  readonly effects: readonly AsyncEffect[];
}

const OVER: AsyncState = { status: "over" };

/** The next state; the same one, without effects, where an event means nothing. */
export function nextAsyncState(state: AsyncState, event: AsyncEvent): AsyncTransition {
  switch (state.status) {
    case "scheduled":
      if (event.type === "committed") return to({ status: "waiting" }, "queue");
      return event.type === "dropped" ? to(OVER) : to(state);
    case "waiting":
      if (event.type === "placed") return to({ status: "running" }, "call");
      if (event.type === "cancelled") return to({ status: "settled", end: "cancelled" }, "leave", "enqueue");
      return event.type === "dropped" ? to(OVER, "leave") : to(state);
    case "running":
      return whileRunning(state, event);
    case "settled":
      return whileSettled(state, event);
    case "over":
      return to(state);
    default:
      return state satisfies never;
  }
}

function whileRunning(state: AsyncState, event: AsyncEvent): AsyncTransition {
  switch (event.type) {
    case "settled":
      return to({ status: "settled", end: event.end }, "disarm", "leave", "enqueue");
    case "timed_out":
      return to({ status: "settled", end: "timeout" }, "abort", "leave", "enqueue");
    case "cancelled":
      return to({ status: "settled", end: "cancelled" }, "disarm", "abort", "leave", "enqueue");
    case "dropped":
      return to(OVER, "disarm", "abort", "leave");
    case "committed":
    case "placed":
    case "taken":
    case "failed":
      return to(state);
    default:
      return event satisfies never;
  }
}

function whileSettled(state: AsyncState & { readonly status: "settled" }, event: AsyncEvent): AsyncTransition {
  switch (event.type) {
    case "taken":
    case "dropped":
      return to(OVER);
    case "failed":
      // What was loaded could not be shown; that it failed may well be.
      return state.end === "ok" ? to({ status: "settled", end: "failed" }, "enqueue") : to(OVER);
    case "cancelled":
      // It waits in the mailbox already.
      return to({ status: "settled", end: "cancelled" });
    case "committed":
    case "placed":
    case "settled":
    case "timed_out":
      return to(state);
    default:
      return event satisfies never;
  }
}

function to(state: AsyncState, ...effects: readonly AsyncEffect[]): AsyncTransition {
  return { state, effects };
}
