import { type ReactElement, startTransition, useLayoutEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from "vitest";
import type { StoreProxy } from "./index.js";
import { App, type Stores } from "./musubi-app.test.util.js";

const READERS = 8;
const environment = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean };

let app: App;
/** What all readers showed at each commit, without repetitions. */
let shown: string[][];
/** The version that each reader rendered, in order, whether it was committed or not. */
let rendered: { readonly reader: number; readonly title: string }[];
/** React's time, in milliseconds. */
let now: number;
let clock: MockInstance<() => number>;

beforeEach(() => {
  app = new App();
  shown = [];
  rendered = [];
  // React is left to schedule for itself, by a clock on which each reader takes more than a time slice: after each, a
  // concurrent render lets others have their turn.
  environment.IS_REACT_ACT_ENVIRONMENT = false;
  now = 0;
  clock = vi.spyOn(performance, "now").mockImplementation(() => now);
});

afterEach(async () => {
  clock.mockRestore();
  environment.IS_REACT_ACT_ENVIRONMENT = true;
  await app.end();
});

function work(reader: number, title: string): void {
  rendered.push({ reader, title });
  now += 30;
}

function Reader({
  store,
  reader,
}: {
  readonly store: StoreProxy<"Room", Stores>;
  readonly reader: number;
}): ReactElement {
  // Half of them by the snapshot, half by the proxy.
  const title = app.musubi.useMusubiSnapshot(store, (room, proxy) => (reader % 2 === 0 ? room : proxy).title);
  work(reader, title);
  return <p>{title}</p>;
}

function Page(): ReactElement {
  const { store } = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
  const [, setTick] = useState(0);
  useLayoutEffect(() => {
    const titles = Array.from(document.querySelectorAll("p"), (node) => node.textContent ?? "");
    if (titles.length > 0) shown.push(Array.from(new Set(titles)));
  });
  return (
    <>
      <button aria-label="render" onClick={() => startTransition(() => setTick((tick) => tick + 1))} />
      {store === undefined
        ? "loading"
        : Array.from({ length: READERS }, (_, reader) => <Reader key={reader} reader={reader} store={store} />)}
    </>
  );
}

/** The turns that React's scheduler takes as well, so that no piece of its work is missed. */
async function turnsUntil(isOver: () => boolean): Promise<void> {
  for (let turn = 0; !isOver(); turn++) {
    if (turn > 10_000) throw new Error("React did not come to it.");
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

test("rule 4: all who read one root show one version in each commit, although changes come amid a transition's render", async () => {
  const container = document.body.appendChild(document.createElement("div"));
  const observer = new MutationObserver(() => {
    shown.push(Array.from(new Set(Array.from(document.querySelectorAll("p"), (node) => node.textContent ?? ""))));
  });
  observer.observe(container, { childList: true, characterData: true, subtree: true });
  const root = createRoot(container);
  root.render(
    <app.musubi.MusubiProvider socket={app.socket} {...app.options}>
      <Page />
    </app.musubi.MusubiProvider>,
  );
  await vi.waitFor(() => expect(container.textContent).toContain("room a"), 15_000);
  let amid = 0;
  for (let version = 1; version <= 25; version++) {
    const before = rendered.length;
    container.querySelector("button")?.click();
    // The transition has rendered some readers and not yet all.
    await turnsUntil(() => rendered.length > before);
    if (rendered.at(-1)?.reader !== READERS - 1) amid++;
    app.server.patch("Room:a", [{ op: "replace", path: "/title", value: `version ${version}` }]);
    await vi.waitFor(() => expect(container.textContent).toBe(`version ${version}`.repeat(READERS)), 15_000);
    // Whatever is left of the transition.
    let left = 300;
    await turnsUntil(() => left-- === 0);
  }
  observer.disconnect();
  root.unmount();
  container.remove();
  expect(amid, "changes amid a render").toBeGreaterThan(0);
  expect(shown.length).toBeGreaterThan(25);
  expect(shown.filter((titles) => titles.length > 1)).toEqual([]);
});
