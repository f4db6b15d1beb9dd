import {
  type PointerEvent as ReactPointerEvent,
  type RefObject,
  useEffect,
  useInsertionEffect,
  useRef,
  useState,
} from "react";
import { createAutoScroll } from "./auto-scroll.js";
import { createGhost } from "./drag-ghost.js";
import { type ColumnBox, type DropTarget, dropTarget } from "./drop-target.js";

/** A card on its way. */
export interface Drag {
  readonly cardId: string;
  /** The card's height in pixels: how far a gap opens for it. */
  readonly height: number;
  readonly target: DropTarget;
}

/** What {@link useCardDrag} tells. */
export interface CardDragOptions {
  /** A card was let go over a place; `from` is where it hung on the screen. */
  readonly onDrop: (cardId: string, target: DropTarget, from: DOMRect) => void;
}

/** How far a mouse moves before a press becomes a drag, in pixels. */
const MOUSE_SLOP = 5;
/** How far a finger may stray while it rests, in pixels. */
const TOUCH_SLOP = 8;
/** How long a finger rests on a card before it comes loose, in milliseconds; shorter moves scroll. */
const LONG_PRESS_MS = 260;

/**
 * Dragging cards with a mouse, a pen or a finger. Put `onPointerDown` on the board: cards are found by their
 * `data-card-id`, columns by their `data-column-id`. Escape puts the card back.
 */
export function useCardDrag(board: RefObject<HTMLElement | null>, options: CardDragOptions) {
  const [drag, setDrag] = useState<Drag | null>(null);
  const latest = useRef(options);
  useInsertionEffect(() => {
    latest.current = options;
  });
  const cancel = useRef<(() => void) | null>(null);
  const isHeld = useRef(false);

  useEffect(() => {
    const element = board.current;
    if (element === null) return undefined;
    // Must be there before the touch begins: a browser that has started to scroll no longer asks.
    const hold = (event: TouchEvent): void => {
      if (isHeld.current && event.cancelable) event.preventDefault();
    };
    element.addEventListener("touchmove", hold, { passive: false });
    return () => element.removeEventListener("touchmove", hold);
  }, [board]);

  useEffect(() => () => cancel.current?.(), []);

  const onPointerDown = (event: ReactPointerEvent): void => {
    const slot = draggableSlot(event);
    const container = board.current;
    if (slot === null || container === null) return;
    cancel.current?.();
    const abort = new AbortController();
    const listen = { signal: abort.signal };
    const cardId = slot.dataset["cardId"] ?? "";
    const start = { x: event.clientX, y: event.clientY };
    const isTouch = event.pointerType === "touch";
    let point = start;
    let lifted: ReturnType<typeof lift> | null = null;

    const lift = () => {
      const height = slot.getBoundingClientRect().height;
      const ghost = createGhost(slot, start);
      isHeld.current = true;
      const follow = (): void => {
        ghost.moveTo(point);
        const target = dropTarget(columnBoxes(container, cardId), point.x, point.y);
        if (target === null) return;
        setDrag((now) => (now !== null && isSame(now.target, target) ? now : { cardId, height, target }));
      };
      const scroll = createAutoScroll(container, () => point, follow);
      abort.signal.addEventListener("abort", () => {
        ghost.remove();
        scroll.stop();
        isHeld.current = false;
        setDrag(null);
      });
      follow();
      return { follow, ghost };
    };
    const press = isTouch ? setTimeout(() => (lifted = lift()), LONG_PRESS_MS) : undefined;
    abort.signal.addEventListener("abort", () => clearTimeout(press));

    const move = (moved: PointerEvent): void => {
      point = { x: moved.clientX, y: moved.clientY };
      const distance = Math.hypot(point.x - start.x, point.y - start.y);
      if (lifted !== null) lifted.follow();
      else if (isTouch && distance > TOUCH_SLOP) abort.abort();
      else if (!isTouch && distance > MOUSE_SLOP) lifted = lift();
    };
    const drop = (up: PointerEvent): void => {
      // Where it is let go counts, not where it was last seen moving.
      point = { x: up.clientX, y: up.clientY };
      if (lifted !== null) {
        const target = dropTarget(columnBoxes(container, cardId), point.x, point.y);
        const from = lifted.ghost.rect();
        swallowClick();
        if (target !== null) latest.current.onDrop(cardId, target, from);
      }
      abort.abort();
    };
    const key = (pressed: KeyboardEvent): void => {
      if (pressed.key === "Escape") abort.abort();
    };
    window.addEventListener("pointermove", move, listen);
    window.addEventListener("pointerup", drop, listen);
    window.addEventListener("pointercancel", () => abort.abort(), listen);
    window.addEventListener("blur", () => abort.abort(), listen);
    window.addEventListener("keydown", key, listen);
    window.addEventListener("contextmenu", (menu) => isTouch && menu.preventDefault(), listen);
    cancel.current = () => abort.abort();
  };

  return { drag, onPointerDown };
}

/** The card below the pointer, unless the press is for something on it. */
function draggableSlot(event: ReactPointerEvent): HTMLElement | null {
  if (event.button !== 0 || !event.isPrimary || !(event.target instanceof Element)) return null;
  if (event.target.closest("[data-no-drag], input, textarea, [popover]") !== null) return null;
  return event.target.closest<HTMLElement>("[data-card-id]");
}

function columnBoxes(container: HTMLElement, draggedId: string): ColumnBox[] {
  return Array.from(container.querySelectorAll<HTMLElement>("[data-column-id]"), (column) => {
    const { left, right } = column.getBoundingClientRect();
    const cards = Array.from(column.querySelectorAll<HTMLElement>("[data-card-id]"))
      .filter((card) => card.dataset["cardId"] !== draggedId)
      .map((card) => {
        const box = card.getBoundingClientRect();
        return { id: card.dataset["cardId"] ?? "", middle: box.top + box.height / 2 };
      });
    return { id: column.dataset["columnId"] ?? "", left, right, cards };
  });
}

function isSame(a: DropTarget, b: DropTarget): boolean {
  return a.columnId === b.columnId && a.beforeId === b.beforeId;
}

function swallow(event: MouseEvent): void {
  event.stopPropagation();
  event.preventDefault();
}

/** The click that ends a drag must not open the card. */
function swallowClick(): void {
  window.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => window.removeEventListener("click", swallow, { capture: true }), 0);
}
