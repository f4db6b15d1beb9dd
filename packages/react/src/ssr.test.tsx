import { PassThrough } from "node:stream";
import { act } from "@testing-library/react";
import { lazy, type ReactElement, type ReactNode, Suspense, useEffect } from "react";
import { hydrateRoot, type Root } from "react-dom/client";
import { renderToPipeableStream, renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  createMusubi,
  type DehydratedState,
  dehydrate,
  type Musubi,
  type MusubiConnection,
  MusubiServerRenderError,
  type StoreProxy,
} from "./index.js";
import { App, asyncOf, GRACE_MS, type Stores, until } from "./musubi-app.test.util.js";

let app: App;
/** The hooks of whoever renders: server and client have a context of their own, as they have in two processes. */
let musubi: Musubi<Stores>;
let container: HTMLElement;
let root: Root | undefined;
const recovered: unknown[] = [];
/** What was on screen, in order. */
const shown: string[] = [];
const watcher = new MutationObserver(() => note());
const note = (): void => {
  if (shown.at(-1) !== text()) shown.push(text());
};

beforeEach(() => {
  app = new App();
  musubi = app.musubi;
  app.server.store(
    "Room",
    (id) => ({
      title: `room ${id}`,
      topic: null,
      rows: [{ __musubi_store_id__: ["rows", "0"], name: "row 0", votes: 0 }],
      log: { __musubi_stream__: "log" },
      owner: asyncOf("ok", "Ann"),
    }),
    () => ({
      stream_ops: [
        { op: "insert", stream: "log", store_id: [], item_key: "k1", at: -1, item: { text: "hi" }, limit: null },
      ],
    }),
  );
  container = document.body.appendChild(document.createElement("div"));
  recovered.length = shown.length = 0;
  watcher.observe(container, { childList: true, characterData: true, subtree: true });
});

afterEach(async () => {
  watcher.disconnect();
  act(() => root?.unmount());
  root = undefined;
  container.remove();
  await app.end();
});

const text = (): string => container.textContent ?? "";
const showing = (expected: string): Promise<void> => until(() => expect(text()).toBe(expected));
const rename = (title: string): void => app.server.patch("Room:a", [{ op: "replace", path: "/title", value: title }]);

/** What the server's part of an app does before it renders: it mounts what the page needs, and hands the state over. */
async function load(...ids: string[]): Promise<DehydratedState> {
  const connection = await app.musubi.connect(app.createSocket(), app.options);
  await Promise.all(ids.map((id) => connection.mountStore({ module: "Room", id })));
  const state = dehydrate(connection);
  await connection.disconnect();
  return JSON.parse(JSON.stringify(state)) as DehydratedState;
}

/** Renders as a server does: without a window. */
async function renderOnServer(tree: () => ReactNode): Promise<{ html: string; errors: unknown[] }> {
  vi.stubGlobal("window", undefined);
  musubi = createMusubi<Stores>();
  try {
    const node = tree();
    return await new Promise((resolve, reject) => {
      const errors: unknown[] = [];
      const stream = renderToPipeableStream(node, {
        onError: (error) => void errors.push(error),
        onShellError: reject,
        onAllReady: () => {
          const chunks: Buffer[] = [];
          const sink = new PassThrough();
          sink.on("data", (chunk: Buffer) => chunks.push(chunk));
          sink.on("end", () => resolve({ html: Buffer.concat(chunks).toString(), errors }));
          stream.pipe(sink);
        },
      });
    });
  } finally {
    vi.unstubAllGlobals();
    musubi = app.musubi;
  }
}

const provide = (
  children: ReactNode,
  state?: DehydratedState,
  socket: typeof app.socket | null = null,
): ReactElement => (
  <musubi.MusubiProvider {...app.options} socket={socket} dehydratedState={state}>
    {children}
  </musubi.MusubiProvider>
);

/** Hydrates the server's markup; `act` is not used for what React does before it has hydrated. */
function hydrate(html: string, node: ReactNode): void {
  container.innerHTML = html;
  act(() => {
    root = hydrateRoot(container, node, { onRecoverableError: (error) => recovered.push(error) });
  });
}

function Room({ id = "a" }: { id?: string }): ReactElement {
  const result = musubi.useMusubiRoot({ module: "Room", id });
  const status = musubi.useMusubiConnectionStatus();
  return (
    <main data-state={status.state}>
      {result.status === "ready" ? <Content store={result.store} /> : result.status}
    </main>
  );
}

function Content({ store }: { store: StoreProxy<"Room", Stores> }): ReactElement {
  const title = musubi.useMusubiSnapshot(store, (room) => room.title);
  const rows = musubi.useMusubiSnapshot(store, (_, proxy) => proxy.rows);
  const { items, keys } = musubi.useMusubiStream(store, (room) => room.log);
  return (
    <p>
      {`${title}: ${rows.map((row) => row.name).join()} ${items.map((item, at) => `${keys[at]}=${item.text}`).join()}`}
    </p>
  );
}

function SuspendingRoom(): ReactElement {
  const store = musubi.useMusubiRootSuspense({ module: "Room", id: "a" });
  const { data } = musubi.useMusubiAsync(store, (room) => room.owner);
  const title = musubi.useMusubiSnapshotSuspense(store, (room) => room.title);
  return <p>{`${title} of ${data}`}</p>;
}

describe("on the server", () => {
  test("rule 7: renders without a socket: connecting, and roots loading or with their initial data", async () => {
    expect((await renderOnServer(() => provide(<Room />))).html).toBe('<main data-state="connecting">loading</main>');
    const state = await load("a");
    const { html, errors } = await renderOnServer(() => provide(<Room />, state));
    expect(html).toBe('<main data-state="connecting"><p>room a: row 0 k1=hi</p></main>');
    expect(errors).toEqual([]);
    expect(renderToString(provide(<Room id="b" />, state))).toContain("loading");
  });

  test("rule 7: state that was handed to one provider is not another's", async () => {
    const state = await load("a");
    expect(renderToString(provide(<Room />, state))).toContain("room a");
    expect(renderToString(provide(<Room />))).toContain("loading");
    expect(renderToString(provide(<Room />, undefined, app.socket))).toContain("loading");
  });

  test("rule 7: Suspense hooks render their initial data", async () => {
    const state = await load("a");
    const { html, errors } = await renderOnServer(() =>
      provide(
        <Suspense fallback="waiting">
          <SuspendingRoom />
        </Suspense>,
        state,
      ),
    );
    expect(html).toContain("<p>room a of Ann</p>");
    expect(errors).toEqual([]);
  });

  test("rule 7: Suspense hooks without it throw MusubiServerRenderError: the fallback is sent, the client renders", async () => {
    const node = (socket: typeof app.socket | null): ReactElement =>
      provide(
        <Suspense fallback={<i>waiting</i>}>
          <SuspendingRoom />
        </Suspense>,
        undefined,
        socket,
      );
    const { html, errors } = await renderOnServer(() => node(null));
    expect(html).toContain("<i>waiting</i>");
    expect(errors).toMatchObject([{ name: "MusubiServerRenderError", code: "server_render" }]);
    expect(MusubiServerRenderError.is(errors[0])).toBe(true);
    expect(app.count("mount")).toBe(0);
    hydrate(html, node(app.socket));
    await showing("room a of Ann");
    expect(app.count("mount")).toBe(1);
  });

  test("rule 7: an async value that is loading is the client's to wait for", async () => {
    app.server.store("Room", () => ({ title: "room a", rows: [], owner: asyncOf("loading") }));
    const state = await load("a");
    const node = (socket: typeof app.socket | null): ReactElement =>
      provide(
        <Suspense fallback={<i>waiting</i>}>
          <SuspendingRoom />
        </Suspense>,
        state,
        socket,
      );
    const { html, errors } = await renderOnServer(() => node(null));
    expect(errors).toMatchObject([{ code: "server_render" }]);
    hydrate(html, node(app.socket));
    await app.settle();
    expect(text()).toBe("waiting");
    act(() => app.server.patch("Room:a", [{ op: "replace", path: "/owner", value: asyncOf("ok", "Ann") as never }]));
    await showing("room a of Ann");
  });

  test("rule 7: a provider's own connection is dehydrated too: its roots that have state of the server's own", async () => {
    const connections: MusubiConnection<Stores>[] = [];
    function Keep(): null {
      connections.push(musubi.useMusubiConnection());
      return null;
    }
    const view = app.render([<Room key="1" />, <Room key="2" id="b" />, <Keep key="3" />]);
    const connection = connections[0] as MusubiConnection<Stores>;
    expect(dehydrate(connection)).toEqual({ roots: [] });
    await until(() => expect(view.container.textContent).toContain("room b"));
    const state = dehydrate(connection);
    expect(state.roots.map(({ module, id, params }) => [module, id, params])).toEqual([
      ["Room", "a", {}],
      ["Room", "b", {}],
    ]);
    expect((await renderOnServer(() => provide(<Room id="b" />, state))).html).toContain("room b: row 0 k1=hi");
  });

  test("a state that is malformed is left out, and its root loaded", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const state = await load("a");
    const broken = {
      roots: [{ ...state.roots[0], record: { format: 1, buster: "", savedAt: 0, tree: 7, streams: [] } }],
    };
    expect(renderToString(provide(<Room />, broken as never))).toContain("loading");
    expect(renderToString(provide(<Room />, { roots: "x" } as never))).toContain("loading");
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });
});

describe("hydration", () => {
  test("rule 7: two phases, as Next does: no mismatch, no flash, the same nodes; then it is live", async () => {
    const state = await load("a");
    const { html } = await renderOnServer(() => provide(<Room />, state));
    app.server.store("Room", () => ({ title: "newer", rows: [] }));
    hydrate(html, provide(<Room />, state, app.socket));
    const node = container.querySelector("p");
    expect(text()).toBe("room a: row 0 k1=hi");
    await showing("newer:  ");
    act(() => rename("live"));
    await showing("live:  ");
    expect(container.querySelector("p")).toBe(node);
    expect(recovered).toEqual([]);
    note();
    expect(shown.filter((screen) => /loading|^$/.test(screen))).toEqual([]);
    expect(app.server.messages("mount").length).toBe(2);
  });

  test("rule 7: the dehydrated state is what hydrates also when the socket is live and its root has moved on", async () => {
    const state = await load("a");
    const { html } = await renderOnServer(() => provide(<Room />, state));
    const live = app.render(<Room />);
    await until(() => expect(live.container.textContent).toBe("room a: row 0 k1=hi"));
    act(() => rename("moved on"));
    await until(() => expect(live.container.textContent).toContain("moved on"));
    hydrate(html, provide(<Room />, state, app.socket));
    expect(recovered).toEqual([]);
    expect(text()).toBe("moved on: row 0 k1=hi");
    await app.settle();
    expect(app.count("mount")).toBe(2);
  });

  test("rule 7: a part that hydrates later, when its root has moved on, does not mismatch", async () => {
    const state = await load("a");
    let arrive: (module: { default: typeof Room }) => void = () => {};
    const page = (Late: typeof Room, socket: typeof app.socket | null): ReactElement =>
      provide(
        <>
          <Room />
          <Suspense fallback="waiting">
            <Late />
          </Suspense>
        </>,
        state,
        socket,
      );
    const { html } = await renderOnServer(() => page(Room, null));
    const Late = lazy(
      () =>
        new Promise<{ default: typeof Room }>((resolve) => {
          arrive = resolve;
        }),
    );
    hydrate(html, page(Late as unknown as typeof Room, app.socket));
    await until(() => expect(app.count("mount")).toBe(2));
    act(() => rename("moved on"));
    await showing("moved on: row 0 k1=hiroom a: row 0 k1=hi");
    const node = container.querySelector("main:last-of-type");
    await act(async () => arrive({ default: Room }));
    await showing("moved on: row 0 k1=himoved on: row 0 k1=hi");
    expect(recovered).toEqual([]);
    expect(container.querySelector("main:last-of-type")).toBe(node);
  });

  test("rule 7: Suspense hooks hydrate in place, without the fallback", async () => {
    const state = await load("a");
    const node = (socket: typeof app.socket | null): ReactElement =>
      provide(
        <Suspense fallback={<i>waiting</i>}>
          <SuspendingRoom />
        </Suspense>,
        state,
        socket,
      );
    const { html } = await renderOnServer(() => node(null));
    hydrate(html, node(app.socket));
    const paragraph = container.querySelector("p");
    await app.settle();
    act(() => rename("live"));
    await showing("live of Ann");
    expect(container.querySelector("p")).toBe(paragraph);
    expect(recovered).toEqual([]);
    note();
    expect(shown.filter((screen) => screen.includes("waiting"))).toEqual([]);
  });

  test("rule 7: a page that comes with its state in the browser shows it at once, and mounts it", async () => {
    const state = await load("a");
    const page = (key: string, given: DehydratedState | undefined): ReactElement =>
      provide(
        <Suspense key={key} fallback={<i>waiting</i>}>
          {given === undefined ? "elsewhere" : <SuspendingRoom />}
        </Suspense>,
        given,
        app.socket,
      );
    const { html } = await renderOnServer(() => page("1", undefined));
    hydrate(html, page("1", undefined));
    act(() => root?.render(page("2", state)));
    expect(text()).toBe("room a of Ann");
    act(() => rename("too early"));
    await until(() => expect(app.count("mount")).toBe(2));
    await app.settle();
    act(() => rename("live"));
    await showing("live of Ann");
    note();
    expect(shown.filter((screen) => screen.includes("waiting"))).toEqual([]);
  });

  test("rule 7: a command that an effect sends while it hydrates reaches the root that is mounted", async () => {
    const state = await load("a");
    app.server.command("rename", () => ({ renamed: "x" }));
    function Sender(): ReactElement {
      const { store } = musubi.useMusubiRoot({ module: "Room", id: "a" });
      return <p>{store === undefined ? "loading" : <Send store={store} />}</p>;
    }
    let reply: unknown;
    let isSent = false;
    function Send({ store }: { store: StoreProxy<"Room", Stores> }): string {
      const { dispatch } = musubi.useMusubiCommand(store, "rename");
      useEffect(() => {
        if (isSent) return;
        isSent = true;
        void dispatch({ title: "x" }).then((renamed) => {
          reply = renamed;
        });
      }, [dispatch]);
      return "sent";
    }
    const { html } = await renderOnServer(() => provide(<Sender />, state));
    hydrate(html, provide(<Sender />, state, app.socket));
    await until(() => expect(reply).toEqual({ renamed: "x" }));
    expect(app.count("command")).toBe(1);
  });

  test("rule 7: what the server rendered is not shown again once it has been live and left", async () => {
    const state = await load("a");
    const { html } = await renderOnServer(() => provide(<Room />, state));
    hydrate(html, provide(<Room />, state, app.socket));
    await app.settle();
    act(() => root?.render(provide(null, state, app.socket)));
    app.advance(GRACE_MS);
    await app.settle();
    act(() => root?.render(provide(<Room />, state, app.socket)));
    expect(text()).toBe("loading");
    await showing("room a: row 0 k1=hi");
  });

  test("rule 7: without initial data, loading hydrates as loading although the root is live", async () => {
    const live = app.render(<Room />);
    await until(() => expect(live.container.textContent).toContain("room a"));
    const { html } = await renderOnServer(() => provide(<Room />));
    hydrate(html, provide(<Room />, undefined, app.socket));
    expect(recovered).toEqual([]);
    expect(text()).toBe("room a: row 0 k1=hi");
  });
});
