import type { Point } from "./drag-ghost.js";

/** How near to an edge scrolling begins, in pixels. */
const EDGE = 56;
/** The fastest scrolling, in pixels per frame. */
const MAX_SPEED = 16;

/** Scrolls the board, and the column below the pointer, while a card is held near their edges. */
export function createAutoScroll(board: HTMLElement, point: () => Point, onScroll: () => void): { stop(): void } {
  let frame = requestAnimationFrame(step);
  function step(): void {
    const { x, y } = point();
    const box = board.getBoundingClientRect();
    const before = board.scrollLeft;
    // Snapping would undo each small step.
    board.style.scrollSnapType = "none";
    board.scrollLeft += speed(x, box.left, box.right);
    let hasScrolled = board.scrollLeft !== before;
    const list = document.elementFromPoint(x, y)?.closest("[data-column-id]")?.querySelector("[data-scroll]");
    if (list != null) {
      const listBox = list.getBoundingClientRect();
      const top = list.scrollTop;
      list.scrollTop += speed(y, listBox.top, listBox.bottom);
      hasScrolled ||= list.scrollTop !== top;
    }
    if (hasScrolled) onScroll();
    frame = requestAnimationFrame(step);
  }
  return {
    stop() {
      cancelAnimationFrame(frame);
      board.style.scrollSnapType = "";
    },
  };
}

function speed(at: number, start: number, end: number): number {
  if (at < start + EDGE) return -MAX_SPEED * Math.min(1, (start + EDGE - at) / EDGE);
  if (at > end - EDGE) return MAX_SPEED * Math.min(1, (at - end + EDGE) / EDGE);
  return 0;
}
