import { describe, expect, it } from "vitest";
import { type Board, type Card, findCard } from "./board.js";
import { applyEdit, placeBefore } from "./edit.js";

const card = (id: string): Card => ({ id, title: `Card ${id}`, note: "", label: "plain", files: [] });
const board: Board = {
  columns: [
    { id: "a", title: "A", cards: [card("a1"), card("a2"), card("a3")] },
    { id: "b", title: "B", cards: [card("b1")] },
    { id: "c", title: "C", cards: [] },
  ],
};

describe("applyEdit", () => {
  it("moves a card within its column and into another, leaving the rest the same objects", () => {
    const within = applyEdit(board, { kind: "moveCard", cardId: "a3", columnId: "a", beforeId: "a1" });
    expect(within.columns[0]?.cards.map(({ id }) => id)).toEqual(["a3", "a1", "a2"]);
    const across = applyEdit(board, { kind: "moveCard", cardId: "a2", columnId: "b", beforeId: "b1" });
    expect(across.columns.map(({ cards }) => cards.map(({ id }) => id))).toEqual([["a1", "a3"], ["a2", "b1"], []]);
    expect(across.columns[2]).toBe(board.columns[2]);
    expect(findCard(across, "a2")?.card).toBe(board.columns[0]?.cards[1]);
  });

  it("puts a card at the end when its neighbour has gone", () => {
    const moved = applyEdit(board, { kind: "moveCard", cardId: "a1", columnId: "b", beforeId: "gone" });
    expect(moved.columns[1]?.cards.map(({ id }) => id)).toEqual(["b1", "a1"]);
  });

  it("returns the very board when there is nothing to change", () => {
    expect(applyEdit(board, { kind: "editCard", cardId: "gone", title: "x", note: "" })).toBe(board);
    expect(applyEdit(board, { kind: "removeCard", cardId: "gone" })).toBe(board);
    expect(applyEdit(board, { kind: "moveCard", cardId: "a1", columnId: "gone", beforeId: null })).toBe(board);
    expect(applyEdit(board, { kind: "addCard", cardId: "a1", columnId: "b", title: "again" })).toBe(board);
    expect(applyEdit(board, { kind: "addColumn", columnId: "a", title: "again" })).toBe(board);
    expect(applyEdit(board, { kind: "moveColumn", columnId: "gone", beforeId: null })).toBe(board);
  });

  it("ties files to a card and takes them off, each once", () => {
    const file = { id: "f1", name: "plan.pdf", type: "application/pdf", size: 9 };
    const tied = applyEdit(board, { kind: "attachFile", cardId: "b1", file });
    expect(findCard(tied, "b1")?.card.files).toEqual([file]);
    expect(tied.columns[0]).toBe(board.columns[0]);
    expect(applyEdit(tied, { kind: "attachFile", cardId: "b1", file })).toBe(tied);
    expect(applyEdit(board, { kind: "detachFile", cardId: "b1", fileId: "f1" })).toBe(board);
    expect(applyEdit(tied, { kind: "detachFile", cardId: "b1", fileId: "f1" })).toEqual(board);
  });

  it("moves columns", () => {
    const moved = applyEdit(board, { kind: "moveColumn", columnId: "c", beforeId: "a" });
    expect(moved.columns.map(({ id }) => id)).toEqual(["c", "a", "b"]);
  });
});

describe("placeBefore", () => {
  it("places what is not there yet, and itself before itself at the end", () => {
    const list = [{ id: "x" }, { id: "y" }];
    expect(placeBefore(list, { id: "z" }, "y").map(({ id }) => id)).toEqual(["x", "z", "y"]);
    expect(placeBefore(list, { id: "x" }, "x").map(({ id }) => id)).toEqual(["y", "x"]);
  });
});
