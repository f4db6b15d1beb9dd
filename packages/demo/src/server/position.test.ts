import { describe, expect, it } from "vitest";
import { GAP, positionBetween } from "./position.js";

describe("positionBetween", () => {
  it("opens an empty list, and leaves a gap at both ends of any other", () => {
    expect(positionBetween(undefined, undefined)).toBe(GAP);
    expect(positionBetween(GAP, undefined)).toBe(2 * GAP);
    expect(positionBetween(undefined, GAP)).toBe(0);
  });

  it("stays strictly between its neighbours until no number is left, and then says so", () => {
    let after = 2 * GAP;
    let halvings = 0;
    for (;;) {
      const position = positionBetween(GAP, after);
      if (position === null) break;
      expect(position).toBeGreaterThan(GAP);
      expect(position).toBeLessThan(after);
      after = position;
      halvings += 1;
    }
    expect(halvings).toBeGreaterThan(40);
    expect(positionBetween(GAP, GAP)).toBeNull();
  });
});
