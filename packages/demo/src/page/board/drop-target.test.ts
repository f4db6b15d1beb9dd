import { describe, expect, it } from "vitest";
import { dropTarget } from "./drop-target.js";

const columns = [
  {
    id: "a",
    left: 0,
    right: 100,
    cards: [
      { id: "a1", middle: 50 },
      { id: "a2", middle: 150 },
    ],
  },
  { id: "b", left: 120, right: 220, cards: [] },
];

describe("dropTarget", () => {
  it("takes the first card whose middle lies below the point, or the end", () => {
    expect(dropTarget(columns, 50, 10)).toEqual({ columnId: "a", beforeId: "a1" });
    expect(dropTarget(columns, 50, 51)).toEqual({ columnId: "a", beforeId: "a2" });
    expect(dropTarget(columns, 50, 400)).toEqual({ columnId: "a", beforeId: null });
  });

  it("takes the nearest column when the point is in none", () => {
    expect(dropTarget(columns, 108, 10)?.columnId).toBe("a");
    expect(dropTarget(columns, 112, 10)).toEqual({ columnId: "b", beforeId: null });
    expect(dropTarget(columns, 900, 10)?.columnId).toBe("b");
    expect(dropTarget(columns, -30, 10)?.columnId).toBe("a");
  });

  it("is nowhere on an empty board", () => {
    expect(dropTarget([], 0, 0)).toBeNull();
  });
});
