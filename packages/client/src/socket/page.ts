import type { Unsubscribe } from "../observable.js";

/** What is heard of the page that a socket lives in. */
export interface PageListeners {
  /** It can be seen again, or came back from the back/forward cache. */
  readonly onShown: () => void;
  readonly onHidden: () => void;
  /** The network is said to be back. */
  readonly onOnline: () => void;
}

/** Whether the page is hidden; `false` where there is none (Node, workers). */
export function isPageHidden(): boolean {
  return typeof document !== "undefined" && document.visibilityState === "hidden";
}

/** Listens to the page, if there is one. Returns the undo. */
export function watchPage({ onShown, onHidden, onOnline }: PageListeners): Unsubscribe {
  if (typeof globalThis.addEventListener !== "function") return () => {};
  const onVisibility = (): void => (isPageHidden() ? onHidden() : onShown());
  // The first one, at the end of loading, is no return: it must not begin a connection anew that is on its way.
  const onPageShow = (event: Event): void => {
    if ((event as Partial<PageTransitionEvent>).persisted !== false) onShown();
  };
  // `visibilitychange` bubbles from the document to the window.
  const listeners: readonly (readonly [string, (event: Event) => void])[] = [
    ["online", onOnline],
    ["pageshow", onPageShow],
    ["visibilitychange", onVisibility],
  ];
  for (const [event, listener] of listeners) globalThis.addEventListener(event, listener);
  return () => {
    for (const [event, listener] of listeners) globalThis.removeEventListener(event, listener);
  };
}
