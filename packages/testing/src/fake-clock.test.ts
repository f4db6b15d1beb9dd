import { expect, test } from "vitest";
import { FakeClock } from "./fake-clock.js";

test("timers run when they are due, in order of time and then of setting, each at its own time", () => {
  const clock = new FakeClock(0);
  const ran: [string, number][] = [];
  const set = (name: string, delayMs: number) => clock.setTimeout(() => ran.push([name, clock.now()]), delayMs);
  set("late", 20);
  set("early", 10);
  set("early too", 10);
  set("at once", -5);
  set("no number", Number.NaN);
  expect(clock.pending).toBe(5);
  clock.advance(9);
  expect(ran).toEqual([
    ["at once", 0],
    ["no number", 0],
  ]);
  clock.advance(11);
  expect(ran.slice(2)).toEqual([
    ["early", 10],
    ["early too", 10],
    ["late", 20],
  ]);
  expect([clock.now(), clock.pending]).toEqual([20, 0]);
});

test("a timer that is cleared does not run, also by one that is due with it", () => {
  const clock = new FakeClock();
  const ran: string[] = [];
  clock.setTimeout(() => clock.clearTimeout(second), 10);
  const second = clock.setTimeout(() => ran.push("second"), 10);
  clock.advance(10);
  clock.clearTimeout(second);
  expect([ran, clock.pending]).toEqual([[], 0]);
});

test("timers set on the way run in the same advance, and time never goes back", () => {
  const clock = new FakeClock(0);
  const ran: number[] = [];
  clock.setTimeout(() => {
    clock.setTimeout(() => ran.push(clock.now()), 5);
    clock.advance(100);
  }, 10);
  clock.advance(20);
  expect([ran, clock.now()]).toEqual([[15], 110]);
});

test("what a callback throws comes out, and the rest is still there", () => {
  const clock = new FakeClock(0);
  const ran: string[] = [];
  clock.setTimeout(() => {
    throw new Error("in a timer");
  }, 5);
  clock.setTimeout(() => ran.push("next"), 6);
  expect(() => clock.advance(10)).toThrow("in a timer");
  clock.advance(10);
  expect(ran).toEqual(["next"]);
});

test("timers that set themselves anew for ever are told of", () => {
  const clock = new FakeClock();
  const again = (): void => void clock.setTimeout(again, 0);
  again();
  expect(() => clock.advance(1)).toThrow("one sets itself anew");
});
