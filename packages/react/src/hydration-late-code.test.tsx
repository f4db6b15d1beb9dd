import { act } from "@testing-library/react";
import { type ComponentType, lazy, type ReactElement, Suspense } from "react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StoreProxy } from "./index.js";
import { type App, type Stores, until } from "./musubi-app.test.util.js";
import { ServedPage } from "./served-page.test.util.js";

let page: ServedPage;
let app: App;

beforeEach(() => {
  page = new ServedPage();
  ({ app } = page);
});

afterEach(async () => {
  await page.end();
});

interface Code<Props> {
  /** The component, once its code has come. */
  readonly Late: ComponentType<Props>;
  readonly arrive: () => Promise<void>;
}

/** A component whose code comes late, as over a slow network. */
function late<Props extends object>(Component: ComponentType<Props>): Code<Props> {
  let end = (): void => {};
  const code = new Promise<{ default: ComponentType<Props> }>((resolve) => {
    end = () => resolve({ default: Component });
  });
  return { Late: lazy(() => code) as ComponentType<Props>, arrive: () => act(async () => end()) };
}

/** The part's content. */
const part = (): Element | null => page.container.querySelector("main:last-of-type p");

/** What the user had on screen was never replaced: neither by a fallback nor by other nodes. */
function expectInPlace(before: Element | null): void {
  expect(page.recovered).toEqual([]);
  expect(page.screens.filter((screen) => screen.includes("waiting"))).toEqual([]);
  expect(before).not.toBeNull();
  expect(part()).toBe(before);
}

test("rule 7: a part that hydrates later, when its root has moved on, does not mismatch", async () => {
  const state = await page.load("a");
  const { Late, arrive } = late(page.Room);
  const view = (Part: ComponentType, socket: App["socket"] | null): ReactElement =>
    page.provide(
      <>
        <page.Room />
        <Suspense fallback="waiting">
          <Part />
        </Suspense>
      </>,
      state,
      socket,
    );
  const { html } = await page.renderOnServer(() => view(page.Room, null));
  page.hydrate(html, view(Late, app.socket));
  await until(() => expect(app.count("mount")).toBe(2));
  page.rename("moved on");
  await page.shows("moved on: row 0 k1=hiroom a: row 0 k1=hi");
  const node = page.container.querySelector("main:last-of-type");
  await arrive();
  await page.shows("moved on: row 0 k1=himoved on: row 0 k1=hi");
  expect(page.recovered).toEqual([]);
  expect(page.container.querySelector("main:last-of-type")).toBe(node);
});

type Content = ComponentType<{ readonly store: StoreProxy<"Room", Stores> }>;

/** A room whose content has a boundary of its own. */
function Room({ Content }: { readonly Content: Content }): ReactElement {
  const { store } = page.musubi.useMusubiRoot({ module: "Room", id: "a" });
  return (
    <main>
      <Suspense fallback="waiting">{store === undefined ? "loading" : <Content store={store} />}</Suspense>
    </main>
  );
}

/** As `Room`, by the hook that suspends. */
function SuspendingRoom({ Content }: { readonly Content: Content }): ReactElement {
  const store = page.musubi.useMusubiRootSuspense({ module: "Room", id: "a" });
  return (
    <main>
      <Suspense fallback="waiting">
        <Content store={store} />
      </Suspense>
    </main>
  );
}

const HOOKS = [
  ["useMusubiRoot", Room],
  ["useMusubiRootSuspense", SuspendingRoom],
] as const;

describe.each(HOOKS)("a part with late code that is given its store by %s", (_hook, Part) => {
  let code: Code<{ readonly store: StoreProxy<"Room", Stores> }>;
  let before: Element | null;

  beforeEach(async () => {
    const state = await page.load("a");
    code = late(page.Content);
    const view = (Content: Content, socket: App["socket"] | null): ReactElement =>
      page.provide(
        <>
          <page.Room />
          <Suspense fallback="waiting for all">
            <Part Content={Content} />
          </Suspense>
        </>,
        state,
        socket,
      );
    const { html } = await page.renderOnServer(() => view(page.Content, null));
    page.hydrate(html, view(code.Late, app.socket));
    before = part();
    await until(() => expect(app.count("mount")).toBe(2));
    await app.settle();
  });

  test("rule 7: it hydrates in place although its root has been mounted meanwhile, and is live", async () => {
    expect(page.text).toBe("room a: row 0 k1=hiroom a: row 0 k1=hi");
    await code.arrive();
    await app.settle();
    expectInPlace(before);
    page.rename("live");
    await page.shows("live: row 0 k1=hilive: row 0 k1=hi");
    expectInPlace(before);
  });

  test("rule 7: it holds up nothing: what changes is shown at once, and so is it when its code has come", async () => {
    page.rename("moved on");
    await page.shows("moved on: row 0 k1=hiwaiting");
    await code.arrive();
    await page.shows("moved on: row 0 k1=himoved on: row 0 k1=hi");
  });
});
