/**
 * The life of one join of a topic, as a pure machine: no socket, no clock, no code of the app.
 *
 *     joining ──accepted──> joined ──left, stopped, crashed, replaced, disconnected──> ended
 *        │ ├──refused, join_crashed───────────────────────────────────────────────────> ended
 *        │ └──crashed, replaced, disconnected──> abandoned ──accepted, refused, ...───> ended
 *
 * `abandoned`: the join's code still runs though nobody waits for its answer; when it accepts after all, what it set
 * up is torn down by `terminate`. The mailbox, the refs and the frames themselves belong to the driver.
 */
export type ChannelStatus = "joining" | "joined" | "abandoned" | "ended";

export type ChannelEvent =
  /** The join's code accepted. */
  | "accepted"
  /** The join's code refused. */
  | "refused"
  /** The join's code threw. */
  | "join_crashed"
  /** The client's `phx_leave` reached the head of the mailbox. */
  | "left"
  /** A handler stopped the channel as `normal` or `shutdown`. */
  | "stopped"
  /** A handler threw, stopped as `error`, or sent what cannot be encoded. */
  | "crashed"
  /** A second `phx_join` of the topic came on the same socket. */
  | "replaced"
  /** The socket is gone or the server shuts down. */
  | "disconnected";

/** What the driver does upon a transition, in this order. */
export type ChannelEffect =
  /** Takes the channel off its socket: later frames of the topic find no channel, its signal is aborted. */
  | "release"
  /** Listens to the topic's broadcasts. */
  | "subscribe"
  /** Sends the answer that the join's code gave. */
  | "reply_join"
  /** Answers the join with `{ reason: "join crashed" }`. */
  | "reply_join_crashed"
  /** Sends `phx_close`. */
  | "close"
  /** Sends `phx_error`. */
  | "error"
  /** Forgets the waiting messages: they get no answer. */
  | "drop_mailbox"
  /** Hands the waiting messages back to the socket, which answers them as for a topic that nobody joined. */
  | "return_mailbox"
  /** Runs the channel's `terminate`, after the handler that may be running. */
  | "terminate";

export interface ChannelTransition {
  readonly status: ChannelStatus;
  readonly effects: readonly ChannelEffect[];
}

function to(status: ChannelStatus, ...effects: readonly ChannelEffect[]): ChannelTransition {
  return { status, effects };
}

const TRANSITIONS: Readonly<Record<ChannelStatus, Readonly<Record<ChannelEvent, ChannelTransition>>>> = {
  joining: {
    accepted: to("joined", "subscribe", "reply_join"),
    refused: to("ended", "release", "reply_join", "return_mailbox"),
    join_crashed: to("ended", "release", "reply_join_crashed", "return_mailbox"),
    // A leave and a stop wait in the mailbox until the join is answered.
    left: to("joining"),
    stopped: to("joining"),
    crashed: to("abandoned", "release", "reply_join_crashed", "return_mailbox"),
    // No phx_close here: it follows the successor's join reply (FRAMES.md, "second phx_join of a live topic").
    replaced: to("abandoned", "release", "drop_mailbox"),
    disconnected: to("abandoned", "release", "drop_mailbox"),
  },
  joined: {
    accepted: to("joined"),
    refused: to("joined"),
    join_crashed: to("joined"),
    left: to("ended", "release", "drop_mailbox", "close", "terminate"),
    stopped: to("ended", "release", "drop_mailbox", "close", "terminate"),
    crashed: to("ended", "release", "drop_mailbox", "error", "terminate"),
    replaced: to("ended", "release", "drop_mailbox", "terminate"),
    disconnected: to("ended", "release", "drop_mailbox", "terminate"),
  },
  abandoned: {
    accepted: to("ended", "terminate"),
    refused: to("ended"),
    join_crashed: to("ended"),
    left: to("abandoned"),
    stopped: to("abandoned"),
    crashed: to("abandoned"),
    replaced: to("abandoned"),
    disconnected: to("abandoned"),
  },
  ended: {
    accepted: to("ended"),
    refused: to("ended"),
    join_crashed: to("ended"),
    left: to("ended"),
    stopped: to("ended"),
    crashed: to("ended"),
    replaced: to("ended"),
    disconnected: to("ended"),
  },
};

/** The transition of one event; total: every status has an answer to every event. */
export function nextChannelState(status: ChannelStatus, event: ChannelEvent): ChannelTransition {
  return TRANSITIONS[status][event];
}
