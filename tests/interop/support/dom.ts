import { JSDOM } from "jsdom";

/**
 * Gives this Node process a page, for a component and a server in one test: under a browser environment of the test
 * runner a server's own packages would resolve to their browser versions. To be called before React is imported.
 */
export function installDom(): () => void {
  const dom = new JSDOM("<!doctype html><body></body>", { url: "http://localhost:5173/", pretendToBeVisual: true });
  const scope = globalThis as unknown as Record<string, unknown>;
  const names = ["window", "document", "navigator", "HTMLElement", "Node", "MutationObserver", "WebSocket"];
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  for (const name of names) {
    const value: unknown = name === "window" ? dom.window : (dom.window as never)[name];
    Object.defineProperty(scope, name, { value, configurable: true, writable: true });
  }
  return () => {
    dom.window.close();
    for (const [index, name] of names.entries()) {
      const descriptor = before[index];
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
  };
}
