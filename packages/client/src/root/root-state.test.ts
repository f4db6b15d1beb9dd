import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextRootState, type RootEvent, type RootState } from "./root-state.js";

const EVENTS: readonly RootEvent[] = [
  "join",
  "drop",
  "mounted",
  "resumed",
  "end",
  "fail",
  "retry",
  "initial",
  "inconsistent",
  "unmounted",
  "due",
  "release",
];

/** State by event, in the order of EVENTS; `.` stays. After a bar: of a root that nobody wants, where it differs. */
const TABLE = `
state      join     drop        mounted            resumed         end    fail          retry          initial inconsistent     unmounted      due             release
idle       mounting .           .                  .               .      .             .              .       .                .              .               .|closed
mounting   .        idle|closed opening|recovering live|recovering closed failed|closed waiting|closed .       .                .              .               .
opening    .        idle|closed .                  .               closed failed|closed waiting|closed live    recovering       .              .               .|recovering
live       .        idle|closed .                  .               closed failed|closed waiting|closed .       recovering       .              .               .|recovering
recovering .        idle|closed .                  .               .      .             .              .       .                waiting|closed .               .
waiting    .        idle        .                  .               .      .             .              .       mounting         .              mounting        .|closed
failed     .        .           .                  .               .      .             .              .       waiting          .              .               .|closed
closed     .        .           .                  .               .      .             .              .       .                .              .               .
`;

const rows = TABLE.trim()
  .split("\n")
  .slice(1)
  .map((line) => line.trim().split(/\s+/));

/** States that a root leaves as soon as nobody wants it any more. */
const LEFT = ["idle", "opening", "live", "waiting", "failed"];

describe("the life of a root", () => {
  test.each(rows)("protocol.md 2 and 3: %s takes every event", (from = "", ...cells) => {
    expect(cells).toHaveLength(EVENTS.length);
    EVENTS.forEach((event, index) => {
      const [wanted = ".", unwanted = wanted] = cells[index]?.split("|") ?? [];
      const said = (isWanted: boolean) => `${event} -> ${nextRootState(from as RootState, event, isWanted)}`;
      expect(said(true)).toBe(`${event} -> ${wanted === "." ? from : wanted}`);
      if (event === "release" || !LEFT.includes(from))
        expect(said(false)).toBe(`${event} -> ${unwanted === "." ? from : unwanted}`);
    });
  });

  test("protocol.md 3: recovery unmounts, and mounts again after a back-off", () => {
    let state: RootState = "live";
    const path = (["inconsistent", "unmounted", "due", "mounted", "initial"] as const).map(
      (event) => (state = nextRootState(state, event, true)),
    );
    expect(path).toEqual(["recovering", "waiting", "mounting", "opening", "live"]);
  });

  test("random events: at most one of mount and unmount is under way, and closed is final", () => {
    const steps = fc.array(fc.constantFrom(...EVENTS, "retain" as const), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (sequence) => {
        let state: RootState = "idle";
        let isWanted = true;
        let pending: "mount" | "unmount" | undefined;
        for (const event of sequence) {
          if (event === "retain" || event === "release") isWanted = event === "retain";
          if (event === "retain") continue;
          if (event === "drop") pending = undefined;
          if (event === "mounted" || event === "resumed") {
            if (pending !== "mount") continue;
            pending = undefined;
          }
          // A mount that is refused, or a mounted root that the server ends.
          if (event === "end" || event === "fail" || event === "retry") {
            if (pending === "unmount") continue;
            pending = undefined;
          }
          if (event === "unmounted") {
            if (pending !== "unmount") continue;
            pending = undefined;
          }
          const next = nextRootState(state, event, isWanted);
          if (state === "closed") expect(next).toBe("closed");
          if (next !== state && (next === "mounting" || next === "recovering")) {
            expect(pending).toBeUndefined();
            pending = next === "mounting" ? "mount" : "unmount";
          }
          state = next;
          expect(pending === "mount").toBe(state === "mounting");
          expect(pending === "unmount").toBe(state === "recovering");
          if (!isWanted) expect(LEFT).not.toContain(state);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
