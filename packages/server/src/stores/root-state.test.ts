import { expect, test } from "vitest";
import { nextRootState, type RootEffect, type RootEvent, type RootState } from "./root-state.js";

type Status = RootState["status"];
type Cell = readonly [Status, ...RootEffect[]];

const CLOSE = ["closing", "refuse_messages", "release", "terminate_stores"] as const;
const DOWN = ["down", "refuse_messages", "send_root_down", "release", "terminate_stores"] as const;
const FAILED = ["closed", "refuse_messages", "release"] as const;

/** Every state under every event: the compiler asks for each cell. */
const TABLE: Readonly<Record<Status, Readonly<Record<RootEvent["type"], Cell>>>> = {
  mounting: {
    mounted: ["live"],
    mount_failed: FAILED,
    changed: ["mounting"],
    render_failed: FAILED,
    left_behind: ["mounting"],
    close: CLOSE,
    terminated: ["mounting"],
  },
  live: {
    mounted: ["live"],
    mount_failed: ["live"],
    changed: ["live"],
    render_failed: DOWN,
    left_behind: DOWN,
    close: CLOSE,
    terminated: ["live"],
  },
  closing: {
    mounted: ["closing"],
    mount_failed: ["closing"],
    changed: ["closing"],
    render_failed: ["closing"],
    left_behind: ["closing"],
    close: ["closing"],
    terminated: ["closed"],
  },
  down: {
    mounted: ["down"],
    mount_failed: ["down"],
    changed: ["down"],
    render_failed: ["down"],
    left_behind: ["down"],
    close: ["down"],
    terminated: ["closed"],
  },
  closed: {
    mounted: ["closed"],
    mount_failed: ["closed"],
    changed: ["closed"],
    render_failed: ["closed"],
    left_behind: ["closed"],
    close: ["closed"],
    terminated: ["closed"],
  },
};

const STATES: Readonly<Record<Status, RootState>> = {
  mounting: { status: "mounting" },
  live: { status: "live", version: 4 },
  closing: { status: "closing", reason: "unmount" },
  down: { status: "down", version: 4, reason: "overloaded" },
  closed: { status: "closed" },
};

const EVENTS: Readonly<Record<RootEvent["type"], RootEvent>> = {
  mounted: { type: "mounted" },
  mount_failed: { type: "mount_failed" },
  changed: { type: "changed" },
  render_failed: { type: "render_failed" },
  left_behind: { type: "left_behind" },
  close: { type: "close", reason: "disconnect" },
  terminated: { type: "terminated" },
};

for (const [status, row] of Object.entries(TABLE)) {
  for (const [type, [next, ...effects]] of Object.entries(row)) {
    test(`${status} upon ${type} is ${next}`, () => {
      const transition = nextRootState(STATES[status as Status], EVENTS[type as RootEvent["type"]]);
      expect(transition.state.status).toBe(next);
      expect(transition.effects).toEqual(effects);
    });
  }
}

test("protocol.md 3: versions start at 1 and grow by one with each change", () => {
  const live = nextRootState({ status: "mounting" }, EVENTS.mounted).state;
  expect(live).toEqual({ status: "live", version: 1 });
  expect(nextRootState(live, EVENTS.changed).state).toEqual({ status: "live", version: 2 });
});

test("a root that goes down tells why", () => {
  const down = (event: RootEvent) => nextRootState(STATES.live, event).state;
  expect(down(EVENTS.render_failed)).toEqual({ status: "down", version: 4, reason: "render_failed" });
  expect(down(EVENTS.left_behind)).toEqual({ status: "down", version: 4, reason: "overloaded" });
});

test("random events: nothing is released, refused or terminated twice, and closed stays closed", () => {
  const seed = Date.now() % 2 ** 31;
  let random = seed;
  const events = Object.values(EVENTS);
  for (let run = 0; run < 2_000; run++) {
    let state: RootState = { status: "mounting" };
    const seen: RootEffect[] = [];
    for (let step = 0; step < 12; step++) {
      random = (random * 48_271 + 11) % 2_147_483_647;
      const before: RootState = state;
      const event = events[random % events.length] as RootEvent;
      const transition = nextRootState(before, event);
      state = transition.state;
      seen.push(...transition.effects);
      if (before.status === "closed") expect(state, `seed ${seed}`).toBe(before);
    }
    expect(new Set(seen).size, `seed ${seed}`).toBe(seen.length);
  }
});
