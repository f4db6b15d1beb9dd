import { act } from "@testing-library/react";
import { type ReactElement, Suspense, useEffect } from "react";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DehydratedState, StoreProxy } from "./index.js";
import { type App, GRACE_MS, type Stores, until } from "./musubi-app.test.util.js";
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

test("rule 7: two phases, as Next does: no mismatch, no flash, the same nodes; then it is live", async () => {
  const state = await page.load("a");
  const { html } = await page.renderOnServer(() => page.provide(<page.Room />, state));
  app.server.store("Room", () => ({ title: "newer", rows: [] }));
  page.hydrate(html, page.provide(<page.Room />, state, app.socket));
  const node = page.container.querySelector("p");
  expect(page.text).toBe("room a: row 0 k1=hi");
  await page.shows("newer:  ");
  page.rename("live");
  await page.shows("live:  ");
  expect(page.container.querySelector("p")).toBe(node);
  expect(page.recovered).toEqual([]);
  expect(page.screens.filter((screen) => /loading|^$/.test(screen))).toEqual([]);
  expect(app.server.messages("mount").length).toBe(2);
});

test("rule 7: the dehydrated state is what hydrates also when the socket is live and its root has moved on", async () => {
  const state = await page.load("a");
  const { html } = await page.renderOnServer(() => page.provide(<page.Room />, state));
  const live = app.render(<page.Room />);
  await until(() => expect(live.container.textContent).toBe("room a: row 0 k1=hi"));
  page.rename("moved on");
  await until(() => expect(live.container.textContent).toContain("moved on"));
  page.hydrate(html, page.provide(<page.Room />, state, app.socket));
  expect(page.recovered).toEqual([]);
  expect(page.text).toBe("moved on: row 0 k1=hi");
  await app.settle();
  expect(app.count("mount")).toBe(2);
});

test("rule 7: Suspense hooks hydrate in place, without the fallback", async () => {
  const state = await page.load("a");
  const node = (socket: typeof app.socket | null): ReactElement =>
    page.provide(
      <Suspense fallback={<i>waiting</i>}>
        <page.SuspendingRoom />
      </Suspense>,
      state,
      socket,
    );
  const { html } = await page.renderOnServer(() => node(null));
  page.hydrate(html, node(app.socket));
  const paragraph = page.container.querySelector("p");
  await app.settle();
  page.rename("live");
  await page.shows("live of Ann");
  expect(page.container.querySelector("p")).toBe(paragraph);
  expect(page.recovered).toEqual([]);
  expect(page.screens.filter((screen) => screen.includes("waiting"))).toEqual([]);
});

test("rule 7: a page that comes with its state in the browser shows it at once, and mounts it", async () => {
  const state = await page.load("a");
  const view = (key: string, given: DehydratedState | undefined): ReactElement =>
    page.provide(
      <Suspense key={key} fallback={<i>waiting</i>}>
        {given === undefined ? "elsewhere" : <page.SuspendingRoom />}
      </Suspense>,
      given,
      app.socket,
    );
  const { html } = await page.renderOnServer(() => view("1", undefined));
  page.hydrate(html, view("1", undefined));
  act(() => page.root?.render(view("2", state)));
  expect(page.text).toBe("room a of Ann");
  page.rename("too early");
  await until(() => expect(app.count("mount")).toBe(2));
  await app.settle();
  page.rename("live");
  await page.shows("live of Ann");
  expect(page.screens.filter((screen) => screen.includes("waiting"))).toEqual([]);
});

test("rule 7: a command that an effect sends while it hydrates reaches the root that is mounted", async () => {
  const state = await page.load("a");
  app.server.command("rename", () => ({ renamed: "x" }));
  function Sender(): ReactElement {
    const { store } = page.musubi.useMusubiRoot({ module: "Room", id: "a" });
    return <p>{store === undefined ? "loading" : <Send store={store} />}</p>;
  }
  let reply: unknown;
  let isSent = false;
  function Send({ store }: { store: StoreProxy<"Room", Stores> }): string {
    const { dispatch } = page.musubi.useMusubiCommand(store, "rename");
    useEffect(() => {
      if (isSent) return;
      isSent = true;
      void dispatch({ title: "x" }).then((renamed) => {
        reply = renamed;
      });
    }, [dispatch]);
    return "sent";
  }
  const { html } = await page.renderOnServer(() => page.provide(<Sender />, state));
  page.hydrate(html, page.provide(<Sender />, state, app.socket));
  await until(() => expect(reply).toEqual({ renamed: "x" }));
  expect(app.count("command")).toBe(1);
});

test("rule 7: what the server rendered is not shown again once it has been live and left", async () => {
  const state = await page.load("a");
  const { html } = await page.renderOnServer(() => page.provide(<page.Room />, state));
  page.hydrate(html, page.provide(<page.Room />, state, app.socket));
  await app.settle();
  act(() => page.root?.render(page.provide(null, state, app.socket)));
  app.advance(GRACE_MS);
  await app.settle();
  act(() => page.root?.render(page.provide(<page.Room />, state, app.socket)));
  expect(page.text).toBe("loading");
  await page.shows("room a: row 0 k1=hi");
});

test("rule 7: without initial data, loading hydrates as loading although the root is live", async () => {
  const live = app.render(<page.Room />);
  await until(() => expect(live.container.textContent).toContain("room a"));
  const { html } = await page.renderOnServer(() => page.provide(<page.Room />));
  page.hydrate(html, page.provide(<page.Room />, undefined, app.socket));
  expect(page.recovered).toEqual([]);
  expect(page.text).toBe("room a: row 0 k1=hi");
});
