import { act } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { StoreProxy } from "./index.js";
import { App, type Stores, until } from "./musubi-app.test.util.js";

let app: App;
let mounted: { store: StoreProxy<"Room", Stores>; unmount(): Promise<void> };
let other: StoreProxy<"Room", Stores>;

beforeEach(async () => {
  app = new App();
  const connection = await app.musubi.connect(app.socket, app.options);
  mounted = await connection.mountStore({ module: "Room", id: "a" });
  other = (await connection.mountStore({ module: "Room", id: "b" })).store;
  ended = () => connection.disconnect();
});

let ended = async (): Promise<void> => {};

afterEach(async () => {
  await ended();
  await app.end();
});

const said = vi.fn<(text: string) => void>();
beforeEach(() => said.mockClear());

function Listener({ store, tag = "" }: { store: StoreProxy<"Room", Stores> | undefined; tag?: string }): null {
  app.musubi.useMusubiEvent(store, "said", ({ text }) => said(text + tag));
  return null;
}

const emit = (text: string, root = "Room:a", name = "said"): Promise<void> => {
  const event = { name, payload: { text }, store_id: [] };
  return act(async () => {
    app.server.patch(root, [], { events: [event] });
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  });
};

describe.each([false, true])("useMusubiEvent (strict: %s)", (strict) => {
  test("calls the handler once per event of that name and store", async () => {
    app.render(<Listener store={mounted.store} />, { strict });
    await emit("hello");
    await emit("not mine", "Room:b");
    await emit("another", "Room:a", "left");
    await emit("bye");
    expect(said.mock.calls).toEqual([["hello"], ["bye"]]);
  });

  test("calls the handler of the last commit, once", async () => {
    const { show } = app.render(<Listener store={mounted.store} tag="1" />, { strict });
    show(<Listener store={mounted.store} tag="2" />);
    await emit("x");
    expect(said.mock.calls).toEqual([["x2"]]);
  });

  test("follows another store, waits for one that is not there yet, and stops with the component", async () => {
    const { show } = app.render(<Listener store={undefined} />, { strict });
    await emit("too early");
    show(<Listener store={mounted.store} />);
    await emit("a");
    show(<Listener store={other} />);
    await emit("not any more");
    await emit("b", "Room:b");
    show(null);
    await emit("too late", "Room:b");
    expect(said.mock.calls).toEqual([["a"], ["b"]]);
  });

  test("sees the store as it is after the envelope that the event came with", async () => {
    let title: string | undefined;
    function Reader(): null {
      app.musubi.useMusubiEvent(mounted.store, "said", () => {
        title = mounted.store.title;
      });
      return null;
    }
    app.render(<Reader />, { strict });
    act(() =>
      app.server.patch("Room:a", [{ op: "replace", path: "/title", value: "new" }], {
        events: [{ name: "said", payload: { text: "" }, store_id: [] }],
      }),
    );
    await until(() => expect(title).toBe("new"));
  });
});
