import { describe, expect, it } from "vitest";
import { type ChannelEffect, type ChannelEvent, type ChannelStatus, nextChannelState } from "./channel-state.js";

type Cell = readonly [ChannelStatus, ...ChannelEffect[]];

const EVENTS = [
  "accepted",
  "refused",
  "join_crashed",
  "left",
  "stopped",
  "crashed",
  "replaced",
  "disconnected",
] as const satisfies readonly ChannelEvent[];

// Every status against every event; the compiler wants each row and column.
const TABLE: Readonly<Record<ChannelStatus, Readonly<Record<ChannelEvent, Cell>>>> = {
  joining: {
    accepted: ["joined", "subscribe", "reply_join"],
    refused: ["ended", "release", "reply_join", "return_mailbox"],
    join_crashed: ["ended", "release", "reply_join_crashed", "return_mailbox"],
    left: ["joining"],
    stopped: ["joining"],
    crashed: ["abandoned", "release", "reply_join_crashed", "return_mailbox"],
    replaced: ["abandoned", "release", "drop_mailbox"],
    disconnected: ["abandoned", "release", "drop_mailbox"],
  },
  joined: {
    accepted: ["joined"],
    refused: ["joined"],
    join_crashed: ["joined"],
    left: ["ended", "release", "drop_mailbox", "close", "terminate"],
    stopped: ["ended", "release", "drop_mailbox", "close", "terminate"],
    crashed: ["ended", "release", "drop_mailbox", "error", "terminate"],
    replaced: ["ended", "release", "drop_mailbox", "terminate"],
    disconnected: ["ended", "release", "drop_mailbox", "terminate"],
  },
  abandoned: {
    accepted: ["ended", "terminate"],
    refused: ["ended"],
    join_crashed: ["ended"],
    left: ["abandoned"],
    stopped: ["abandoned"],
    crashed: ["abandoned"],
    replaced: ["abandoned"],
    disconnected: ["abandoned"],
  },
  ended: {
    accepted: ["ended"],
    refused: ["ended"],
    join_crashed: ["ended"],
    left: ["ended"],
    stopped: ["ended"],
    crashed: ["ended"],
    replaced: ["ended"],
    disconnected: ["ended"],
  },
};

describe("the life of a channel", () => {
  const cells = Object.entries(TABLE).flatMap(([status, row]) =>
    Object.entries(row).map(([event, cell]) => [status as ChannelStatus, event as ChannelEvent, cell] as const),
  );

  it.each(cells)("%s, %s", (status, event, [next, ...effects]) => {
    expect(nextChannelState(status, event)).toEqual({ status: next, effects });
  });

  it("releases its topic once, terminates at most once, and answers its join at most once, whatever happens", () => {
    const runs = 5_000;
    let seed = 20_240_601;
    const random = (limit: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return Math.floor((seed / 0x8000_0000) * limit);
    };
    for (let run = 0; run < runs; run++) {
      let status: ChannelStatus = "joining";
      const history: ChannelEvent[] = [];
      const seen: ChannelEffect[] = [];
      for (let step = 0; step < 12; step++) {
        const event = EVENTS[random(EVENTS.length)] ?? "left";
        history.push(event);
        const next = nextChannelState(status, event);
        status = next.status;
        seen.push(...next.effects);
      }
      const count = (...wanted: ChannelEffect[]): number => seen.filter((effect) => wanted.includes(effect)).length;
      const isDone = status === "ended" || status === "abandoned";
      const label = history.join(", ");
      expect(count("release"), label).toBe(isDone ? 1 : 0);
      expect(count("terminate"), label).toBeLessThanOrEqual(1);
      expect(count("reply_join", "reply_join_crashed"), label).toBeLessThanOrEqual(1);
      expect(count("close", "error"), label).toBeLessThanOrEqual(1);
      // What was set up is torn down: a subscription by the release that follows it, a join by terminate.
      if (count("subscribe") === 1 && isDone) expect(count("terminate"), label).toBe(1);
    }
  });
});
