import { type RefObject, useEffect, useInsertionEffect, useRef } from "react";

/**
 * Calls `onLeave` when the focus has left an element for another place of the page.
 *
 * It waits for the end of the click, or of the key, that took the focus away: what closes upon `blur` moves the page
 * under a pointer that is still down, and the click is lost.
 */
export function useLeave(element: RefObject<HTMLElement | null>, onLeave: () => void): void {
  const latest = useRef(onLeave);
  useInsertionEffect(() => {
    latest.current = onLeave;
  });
  useEffect(() => {
    const check = ({ target }: Event): void => {
      const inside = element.current;
      if (inside === null || inside.contains(document.activeElement)) return;
      // The click that opened it may still be on its way up.
      if (!(target instanceof Node && inside.contains(target))) latest.current();
    };
    window.addEventListener("click", check);
    window.addEventListener("keyup", check);
    return () => {
      window.removeEventListener("click", check);
      window.removeEventListener("keyup", check);
    };
  }, [element]);
}
