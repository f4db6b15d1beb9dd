/**
 * Whether what a root changes goes to its client at once, without its driver (server.md section 6, SPEC.md):
 *
 * ```
 * flowing --behind--> holding --full--> overfull --drained--> closed (the root is mounted again)
 *    ^                   |
 *    \------drained------/        ended or failed, from anywhere --> closed
 * ```
 *
 * It owns no tree, no socket and no bound; {@link Outlet} drives it.
 */
export type OutletState =
  /** The client has all there is. */
  | "flowing"
  /** The socket was behind when something changed: it is held, and conflated, until the socket has caught up. */
  | "holding"
  /** More changed than may be held: nothing is, and the root is mounted again once its client can hear of it. */
  | "overfull"
  /** The root has ended. */
  | "closed";

export type OutletEvent =
  /** A message changed something while the socket was behind, or while something is held. */
  | "behind"
  /** The same, and what is held has no room for it. */
  | "full"
  /** The socket has sent what waited, and is behind no more. */
  | "drained"
  /** The socket has sent what waited, but by now is behind again. */
  | "behind_again"
  /** The root is about to go down: what is held still goes out. */
  | "failed"
  /** The root has ended: nothing may be sent any more. */
  | "ended";

/** What the driver has to do on a transition, in this order. */
export type OutletEffect =
  /** Remember what the client has, and keep what the message changed. */
  | "begin"
  /** Keep what the message changed too. */
  | "keep"
  /** Forget what is held. */
  | "discard"
  /** Send what is held, in one envelope. */
  | "flush"
  /** Ask to be told when the socket has sent what waits. */
  | "await_drain"
  /** Ask it no more. */
  | "stop_waiting"
  /** Have the root mounted again. */
  | "remount";

export type OutletTransition = readonly [OutletState, ...OutletEffect[]];

const TABLE: Readonly<Record<OutletState, Readonly<Partial<Record<OutletEvent, OutletTransition>>>>> = {
  flowing: {
    behind: ["holding", "begin", "await_drain"],
    // One message may be of any size.
    full: ["holding", "begin", "await_drain"],
    failed: ["closed"],
    ended: ["closed"],
  },
  holding: {
    behind: ["holding", "keep"],
    full: ["overfull", "discard"],
    drained: ["flowing", "flush"],
    behind_again: ["holding", "await_drain"],
    failed: ["closed", "stop_waiting", "flush"],
    ended: ["closed", "stop_waiting", "discard"],
  },
  overfull: {
    drained: ["closed", "remount"],
    behind_again: ["overfull", "await_drain"],
    failed: ["closed", "stop_waiting"],
    ended: ["closed", "stop_waiting"],
  },
  closed: {},
};

/** The next state, and what to do; the same one, with nothing to do, where an event means nothing. */
export function nextOutletState(state: OutletState, event: OutletEvent): OutletTransition {
  return TABLE[state][event] ?? [state];
}
