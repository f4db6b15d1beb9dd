import { act } from "@testing-library/react";
import { type ReactElement, type ReactNode, Suspense, useLayoutEffect } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ErrorBoundary } from "./error-boundary.test.util.js";
import type { MusubiAsync, StoreProxy } from "./index.js";
import { App, asyncOf, GRACE_MS, type Stores, until } from "./musubi-app.test.util.js";

let app: App;
const fallback = vi.fn();
const seen: MusubiAsync<string | null>[] = [];

beforeEach(() => {
  app = new App();
  fallback.mockClear();
  seen.length = thrown.length = 0;
});

afterEach(async () => {
  await app.end();
});

function Fallback(): string {
  useLayoutEffect(() => void fallback(), []);
  return "waiting";
}

function Boundaries({ children }: { readonly children: ReactNode }): ReactElement {
  return (
    <ErrorBoundary>
      <Suspense fallback={<Fallback />}>{children}</Suspense>
    </ErrorBoundary>
  );
}

function Owner(): ReactElement {
  const store = app.musubi.useMusubiRootSuspense({ module: "Room", id: "a" });
  return <Name store={store} />;
}

const thrown: unknown[] = [];
function useOwner(store: StoreProxy<"Room", Stores>): MusubiAsync<string | null> {
  try {
    return app.musubi.useMusubiAsync(store, (room) => room.owner);
  } catch (what) {
    thrown.push(what);
    throw what;
  }
}

function Name({ store }: { readonly store: StoreProxy<"Room", Stores> }): ReactElement {
  const value = useOwner(store);
  seen.push(value);
  return (
    <p>
      {String(value.data)}
      {value.isRefreshing ? " refreshing" : ""}
    </p>
  );
}

const tree = (
  <Boundaries>
    <Owner />
  </Boundaries>
);
const serve = (owner: object): void =>
  void app.server.store("Room", () => ({ title: "t", owner, rows: [{ __musubi_store_id__: ["r"], name: "x" }] }));
const become = (owner: object): void =>
  act(() => app.server.patch("Room:a", [{ op: "replace", path: "/owner", value: owner as never }]));
const text = (): string => document.body.textContent ?? "";
const showing = (expected: string): Promise<void> => until(() => expect(text()).toBe(expected));

describe.each([false, true])("useMusubiAsync (strict: %s)", (strict) => {
  test("rule 3: suspends until the first data, and never again", async () => {
    serve(asyncOf("loading"));
    app.render(tree, { strict });
    await app.settle();
    expect(text()).toBe("waiting");
    become(asyncOf("ok", "Ann"));
    await showing("Ann");
    fallback.mockClear();
    become(asyncOf("loading", "Ann"));
    await showing("Ann refreshing");
    become(asyncOf("ok", "Bob"));
    await showing("Bob");
    become(asyncOf("loading"));
    await showing("Bob refreshing");
    app.server.accepting = false;
    act(() => app.server.cut());
    await app.settle();
    expect(text()).toBe("Bob refreshing");
    serve(asyncOf("ok", null));
    app.server.accepting = true;
    await showing("null");
    expect(fallback).not.toHaveBeenCalled();
    expect(seen.at(-1)).toEqual({ data: null, isRefreshing: false });
  });

  test("rule 5: renders for its own value alone", async () => {
    app.render(tree, { strict });
    await showing("Ann");
    const renders = seen.length;
    act(() => app.server.patch("Room:a", [{ op: "replace", path: "/title", value: "new" }]));
    await app.settle();
    expect(seen.length).toBe(renders);
  });

  test("rule 3: throws to the boundary when it has failed, with the server's reason", async () => {
    app.consoleError.mockImplementation(() => {});
    serve(asyncOf("loading"));
    const { getByLabelText } = app.render(tree, { strict });
    await app.settle();
    become(asyncOf("failed", null, "no owner"));
    await showing('caught async_failed "no owner"');
    become(asyncOf("ok", "Ann"));
    await app.settle();
    act(() => getByLabelText("reset").click());
    await showing("Ann");
    become(asyncOf("failed", "Ann", { gone: true }));
    await showing('caught async_failed {"gone":true}');
    app.consoleError.mockClear();
  });

  test("rule 3: the root is kept while a render waits, however long, and 5 s more", async () => {
    serve(asyncOf("loading"));
    function Both(): ReactElement {
      const store = app.musubi.useMusubiRootSuspense({ module: "Room", id: "a" });
      return <p>{app.musubi.useMusubiAsync(store, (room) => room.owner).data}</p>;
    }
    const both = (
      <Boundaries>
        <Both />
      </Boundaries>
    );
    const { show } = app.render(both, { strict });
    await app.settle();
    app.advance(30_000);
    await app.settle();
    expect([text(), app.count("mount"), app.count("unmount")]).toEqual(["waiting", 1, 0]);
    show(null);
    become(asyncOf("ok", "Ann"));
    await app.settle();
    app.advance(4_999);
    show(both);
    expect(text()).toBe("Ann");
    show(null);
    app.advance(5_000 + GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 1]);
  });

  test("rule 3: the promise is the same until the value changes, whatever else does", async () => {
    serve(asyncOf("loading"));
    const { show } = app.render(tree, { strict });
    await app.settle();
    fallback.mockClear();
    act(() => app.server.patch("Room:a", [{ op: "replace", path: "/title", value: "new" }]));
    await app.settle();
    show(
      <Boundaries>
        <Owner />
      </Boundaries>,
    );
    await app.settle();
    expect(thrown.length).toBeGreaterThan(1);
    expect(new Set(thrown.filter((what) => what instanceof Promise)).size).toBe(1);
    expect(fallback).not.toHaveBeenCalled();
    become(asyncOf("ok", "Ann"));
    await showing("Ann");
  });

  test("rule 3: a root that is closed meanwhile throws instead of waiting for ever", async () => {
    app.consoleError.mockImplementation(() => {});
    serve(asyncOf("loading"));
    const connection = await app.musubi.connect(app.createSocket(), app.options);
    const { store } = await connection.mountStore({ module: "Room", id: "a" });
    app.render(
      <Boundaries>
        <Name store={store} />
      </Boundaries>,
      { strict },
    );
    expect(text()).toBe("waiting");
    await act(() => connection.disconnect());
    await until(() => expect(text()).toContain("caught disconnected"));
    app.consoleError.mockClear();
  });
});

describe.each([false, true])("useMusubiSnapshotSuspense (strict: %s)", (strict) => {
  function Title({ store }: { readonly store: StoreProxy<"Room", Stores> }): ReactElement {
    const title = app.musubi.useMusubiSnapshotSuspense(store, (room) => room.title);
    return <p>{title.toUpperCase()}</p>;
  }

  test("rule 3: suspends until the store has had state, and never again", async () => {
    const connection = await app.musubi.connect(app.socket, app.options);
    const opened = connection.openRoot({ module: "Room", id: "a" });
    app.render(
      <Boundaries>
        <Title store={opened.store} />
      </Boundaries>,
      { strict },
    );
    expect(text()).toBe("waiting");
    await showing("ROOM A");
    fallback.mockClear();
    act(() => app.server.patch("Room:a", [{ op: "replace", path: "/title", value: "new" }]));
    await showing("NEW");
    await act(() => connection.disconnect());
    await app.settle();
    expect(text()).toBe("NEW");
    expect(fallback).not.toHaveBeenCalled();
  });

  test("rule 5: a store that has left the tree keeps its last value", async () => {
    serve(asyncOf("ok", "Ann"));
    const connection = await app.musubi.connect(app.socket, app.options);
    const { store } = await connection.mountStore({ module: "Room", id: "a" });
    const [row] = store.rows;
    function Row(): ReactElement {
      return <i>{app.musubi.useMusubiSnapshotSuspense(row as StoreProxy<"Row", Stores>).name}</i>;
    }
    app.render(
      <Boundaries>
        <Row />
      </Boundaries>,
      { strict },
    );
    expect(text()).toBe("x");
    act(() => app.server.patch("Room:a", [{ op: "replace", path: "/rows", value: [] }]));
    await until(() => expect(store.rows).toEqual([]));
    expect(text()).toBe("x");
    await connection.disconnect();
  });
});
