import { type RefObject, useLayoutEffect, useRef } from "react";

interface Place {
  readonly list: Element;
  readonly left: number;
  readonly top: number;
}

const DURATION_MS = 220;
const EASING = "cubic-bezier(.2, .7, .2, 1)";

/**
 * Lets cards glide to their new places, whoever moved them: after each change every card below `board` starts where
 * it stood before. Still for people who asked for less motion. Returns a way to say where a card comes from, for one
 * that was dropped.
 */
export function useFlip(
  board: RefObject<HTMLElement | null>,
  change: unknown,
): (cardId: string, from: DOMRect) => void {
  const places = useRef(new Map<string, Place>());
  const dropped = useRef(new Map<string, DOMRect>());

  useLayoutEffect(() => {
    const before = places.current;
    const after = new Map<string, Place>();
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const card of board.current?.querySelectorAll<HTMLElement>("[data-card-id]") ?? []) {
      const id = card.dataset["cardId"] ?? "";
      const list = card.closest("[data-scroll]");
      if (list === null) continue;
      const box = card.getBoundingClientRect();
      const origin = list.getBoundingClientRect();
      // Places are kept relative to the list's content, so that scrolling is no movement.
      after.set(id, { list, left: box.left - origin.left, top: box.top - origin.top + list.scrollTop });
      const from = dropped.current.get(id) ?? screenPlace(before.get(id));
      if (from === undefined || isStill) continue;
      const x = from.left - box.left;
      const y = from.top - box.top;
      if (Math.abs(x) + Math.abs(y) < 2) continue;
      card.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], {
        duration: DURATION_MS,
        easing: EASING,
      });
    }
    places.current = after;
    dropped.current.clear();
  }, [board, change]);

  return (cardId, from) => dropped.current.set(cardId, from);
}

function screenPlace(place: Place | undefined): { left: number; top: number } | undefined {
  if (place === undefined || !place.list.isConnected) return undefined;
  const origin = place.list.getBoundingClientRect();
  return { left: place.left + origin.left, top: place.top + origin.top - place.list.scrollTop };
}
