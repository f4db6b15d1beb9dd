import { expect, test } from "vitest";
import { MountedPairs } from "./mounted-pairs.js";

const BOARD = { module: "Board", id: "1" };
const LIST = { module: "List", id: "1" };

test("protocol.md 2: a namesake is another module's pair of the same id, for as long as it is there", () => {
  const pairs = new MountedPairs();
  pairs.add({ module: "List", id: "2" }, "{}");
  expect(pairs.hasNamesake(BOARD)).toBe(false);
  pairs.add(BOARD, "{}");
  expect([pairs.hasNamesake(BOARD), pairs.hasNamesake(LIST)]).toEqual([false, true]);
  pairs.add(LIST, "{}");
  expect([pairs.hasNamesake(BOARD), pairs.hasNamesake(LIST)]).toEqual([true, true]);
  pairs.delete(BOARD);
  expect([pairs.hasNamesake(BOARD), pairs.hasNamesake(LIST)]).toEqual([true, false]);
  pairs.delete(LIST);
  expect([pairs.hasNamesake(BOARD), pairs.hasNamesake(LIST)]).toEqual([false, false]);
  pairs.add(LIST, "{}");
  pairs.clear();
  expect(pairs.hasNamesake(BOARD)).toBe(false);
});

test("protocol.md 2: a repeat has the params of the first mount", () => {
  const pairs = new MountedPairs();
  expect(pairs.add(BOARD, "{}")).toBe(false);
  expect(pairs.add(LIST, "{}")).toBe(false);
  expect(pairs.add(BOARD, '{"page":1}')).toBe(false);
  expect(pairs.add(BOARD, "{}")).toBe(true);
  expect(pairs.add(BOARD, '{"page":1}')).toBe(false);
});
