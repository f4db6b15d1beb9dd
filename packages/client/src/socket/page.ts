import type { Unsubscribe } from "../observable.js";

/** What is heard of the page that a socket lives in. */
export type PageEvent =
  /** It can be seen again, or came back from the back/forward cache. */
  | "page_shown"
  | "page_hidden"
  /** The network is said to be back. */
  | "nudged";

/** Whether the page is hidden; `false` where there is none (Node, workers). */
export function isPageHidden(): boolean {
  return typeof document !== "undefined" && document.visibilityState === "hidden";
}

/** Listens to the page, if there is one. Returns the undo. */
export function watchPage(tell: (event: PageEvent) => void): Unsubscribe {
  if (typeof globalThis.addEventListener !== "function") return () => {};
  const listeners = Object.entries({
    online: () => tell("nudged"),
    // The first one, at the end of loading, is no return: it must not begin a connection anew that is on its way.
    pageshow: ({ persisted }: Event & { readonly persisted?: boolean }) => {
      if (persisted !== false) tell("page_shown");
    },
    // It bubbles from the document to the window.
    visibilitychange: () => tell(isPageHidden() ? "page_hidden" : "page_shown"),
  });
  for (const listener of listeners) globalThis.addEventListener(...listener);
  return () => {
    for (const listener of listeners) globalThis.removeEventListener(...listener);
  };
}
