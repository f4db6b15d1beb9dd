import { describe, expect, it } from "vitest";
import type { Board, Card } from "../../shared/board.js";
import { applyEdit } from "../../shared/edit.js";
import type { StepDirection } from "./board-actions.js";
import { stepCard } from "./step-card.js";

const card = (id: string): Card => ({ id, title: id.toUpperCase(), note: "", label: "plain", files: [] });
const board: Board = {
  columns: [
    { id: "a", title: "Left", cards: [card("a1"), card("a2"), card("a3")] },
    { id: "b", title: "Right", cards: [card("b1")] },
  ],
};

describe("stepCard", () => {
  it.each<[string, StepDirection, string[][]]>([
    ["a2", "up", [["a2", "a1", "a3"], ["b1"]]],
    ["a2", "down", [["a1", "a3", "a2"], ["b1"]]],
    [
      "a1",
      "right",
      [
        ["a2", "a3"],
        ["a1", "b1"],
      ],
    ],
    [
      "a3",
      "right",
      [
        ["a1", "a2"],
        ["b1", "a3"],
      ],
    ],
    ["b1", "left", [["b1", "a1", "a2", "a3"], []]],
  ])("takes %s one step %s", (cardId, direction, expected) => {
    const step = stepCard(board, cardId, direction);
    const after = step === null ? null : applyEdit(board, step.move);
    expect(after?.columns.map(({ cards }) => cards.map(({ id }) => id))).toEqual(expected);
  });

  it.each<[string, StepDirection]>([
    ["a1", "up"],
    ["a3", "down"],
    ["a1", "left"],
    ["b1", "right"],
    ["gone", "up"],
  ])("stays where it is at the edge: %s %s", (cardId, direction) => {
    expect(stepCard(board, cardId, direction)).toBeNull();
  });

  it("says where the card is now", () => {
    expect(stepCard(board, "a3", "right")?.announcement).toBe("A3: Right, place 2 of 2");
  });
});
