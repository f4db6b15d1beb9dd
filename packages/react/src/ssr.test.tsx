import { act } from "@testing-library/react";
import { type ReactElement, Suspense } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { dehydrate, type MusubiConnection, MusubiServerRenderError } from "./index.js";
import { type App, asyncOf, type Stores, until } from "./musubi-app.test.util.js";
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

test("rule 7: renders without a socket: connecting, and roots loading or with their initial data", async () => {
  expect((await page.renderOnServer(() => page.provide(<page.Room />))).html).toBe(
    '<main data-state="connecting">loading</main>',
  );
  const state = await page.load("a");
  const { html, errors } = await page.renderOnServer(() => page.provide(<page.Room />, state));
  expect(html).toBe('<main data-state="connecting"><p>room a: row 0 k1=hi</p></main>');
  expect(errors).toEqual([]);
  expect(renderToString(page.provide(<page.Room id="b" />, state))).toContain("loading");
});

test("rule 7: state that was handed to one provider is not another's", async () => {
  const state = await page.load("a");
  expect(renderToString(page.provide(<page.Room />, state))).toContain("room a");
  expect(renderToString(page.provide(<page.Room />))).toContain("loading");
  expect(renderToString(page.provide(<page.Room />, undefined, app.socket))).toContain("loading");
});

test("rule 7: Suspense hooks render their initial data", async () => {
  const state = await page.load("a");
  const { html, errors } = await page.renderOnServer(() =>
    page.provide(
      <Suspense fallback="waiting">
        <page.SuspendingRoom />
      </Suspense>,
      state,
    ),
  );
  expect(html).toContain("<p>room a of Ann</p>");
  expect(errors).toEqual([]);
});

test("rule 7: Suspense hooks without it throw MusubiServerRenderError: the fallback is sent, the client renders", async () => {
  const node = (socket: typeof app.socket | null): ReactElement =>
    page.provide(
      <Suspense fallback={<i>waiting</i>}>
        <page.SuspendingRoom />
      </Suspense>,
      undefined,
      socket,
    );
  const { html, errors } = await page.renderOnServer(() => node(null));
  expect(html).toContain("<i>waiting</i>");
  expect(errors).toMatchObject([{ name: "MusubiServerRenderError", code: "server_render" }]);
  expect(MusubiServerRenderError.is(errors[0])).toBe(true);
  expect(app.count("mount")).toBe(0);
  page.hydrate(html, node(app.socket));
  await page.shows("room a of Ann");
  expect(app.count("mount")).toBe(1);
});

test("rule 7: an async value that is loading is the client's to wait for", async () => {
  app.server.store("Room", () => ({ title: "room a", rows: [], owner: asyncOf("loading") }));
  const state = await page.load("a");
  const node = (socket: typeof app.socket | null): ReactElement =>
    page.provide(
      <Suspense fallback={<i>waiting</i>}>
        <page.SuspendingRoom />
      </Suspense>,
      state,
      socket,
    );
  const { html, errors } = await page.renderOnServer(() => node(null));
  expect(errors).toMatchObject([{ code: "server_render" }]);
  page.hydrate(html, node(app.socket));
  await app.settle();
  expect(page.text).toBe("waiting");
  act(() => app.server.patch("Room:a", [{ op: "replace", path: "/owner", value: asyncOf("ok", "Ann") as never }]));
  await page.shows("room a of Ann");
});

test("rule 7: a provider's own connection is dehydrated too: its roots that have state of the server's own", async () => {
  const connections: MusubiConnection<Stores>[] = [];
  function Keep(): null {
    connections.push(page.musubi.useMusubiConnection());
    return null;
  }
  const view = app.render([<page.Room key="1" />, <page.Room key="2" id="b" />, <Keep key="3" />]);
  const connection = connections[0] as MusubiConnection<Stores>;
  expect(dehydrate(connection)).toEqual({ roots: [] });
  await until(() => expect(view.container.textContent).toContain("room b"));
  const state = dehydrate(connection);
  expect(state.roots.map(({ module, id, params }) => [module, id, params])).toEqual([
    ["Room", "a", {}],
    ["Room", "b", {}],
  ]);
  expect((await page.renderOnServer(() => page.provide(<page.Room id="b" />, state))).html).toContain(
    "room b: row 0 k1=hi",
  );
});

test("a state that is malformed is left out, and its root loaded", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const state = await page.load("a");
  const broken = {
    roots: [{ ...state.roots[0], record: { format: 1, buster: "", savedAt: 0, tree: 7, streams: [] } }],
  };
  expect(renderToString(page.provide(<page.Room />, broken as never))).toContain("loading");
  expect(renderToString(page.provide(<page.Room />, { roots: "x" } as never))).toContain("loading");
  expect(warn).toHaveBeenCalledTimes(1);
  warn.mockRestore();
});
