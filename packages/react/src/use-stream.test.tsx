import { act } from "@testing-library/react";
import { type ReactElement, useDeferredValue } from "react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MusubiStream, Selector, StoreProxy } from "./index.js";
import { App, type Stores, until } from "./musubi-app.test.util.js";

type Item = { text: string };
let app: App;
const seen: MusubiStream<Item>[] = [];
const latest = (): MusubiStream<Item> => seen.at(-1) as MusubiStream<Item>;

beforeEach(() => {
  app = new App();
  seen.length = rooms.length = 0;
});

afterEach(async () => {
  await app.end();
});

function Log({ select = (room) => room.log }: { select?: Selector<"Room", Stores, readonly Item[]> }): ReactElement {
  const { store } = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
  const stream = app.musubi.useMusubiStream(store, select);
  const { items, keys } = stream;
  seen.push(stream);
  rooms.push(store);
  return <p>{items.map(({ text }, at) => `${keys[at]}=${text}`).join(" ")}</p>;
}

const rooms: (StoreProxy<"Room", Stores> | undefined)[] = [];
const room = (): StoreProxy<"Room", Stores> | undefined => rooms.at(-1);
const text = (): string => document.body.textContent ?? "";
const showing = (expected: string): Promise<void> => until(() => expect(text()).toBe(expected));
const insert = (key: string, value: string, at = -1): object => ({
  op: "insert",
  stream: "log",
  store_id: [],
  item_key: key,
  at,
  item: { text: value },
  limit: null,
});
const send = (...stream_ops: object[]): Promise<void> =>
  act(async () => app.server.patch("Room:a", [], { stream_ops: stream_ops as never }));

describe.each([false, true])("useMusubiStream (strict: %s)", (strict) => {
  test("items in order, each with the server's key: one that moves or changes keeps it", async () => {
    app.render(<Log />, { strict });
    expect(latest()).toEqual({ items: [], keys: [] });
    await until(() => expect(room()).toBeDefined());
    await send(insert("x", "one"), insert("y", "two"));
    await showing("x=one y=two");
    await send(insert("w", "zero", 0));
    await showing("w=zero x=one y=two");
    await send(insert("y", "changed", 0));
    await showing("y=changed w=zero x=one");
    await send({ op: "delete", stream: "log", store_id: [], item_key: "w" });
    await showing("y=changed x=one");
  });

  test("rule 5: the same items and keys until the stream changes; nothing renders for the rest of the store", async () => {
    app.render(<Log />, { strict });
    await until(() => expect(room()).toBeDefined());
    await send(insert("x", "one"), insert("y", "two"));
    await showing("x=one y=two");
    const before = latest();
    const renders = seen.length;
    act(() => app.server.patch("Room:a", [{ op: "replace", path: "/title", value: "new" }]));
    await until(() => expect(room()?.title).toBe("new"));
    expect(seen.length).toBe(renders);
    await send(insert("z", "three"));
    await showing("x=one y=two z=three");
    expect(latest().items[0]).toBe(before.items[0]);
  });

  test("an array that is made of the stream keeps its keys, also while an item is shown before the server has it", async () => {
    app.render(<Log select={(snapshot) => snapshot.log.filter((item) => item.text !== "two")} />, { strict });
    await until(() => expect(room()).toBeDefined());
    await send(insert("x", "one"), insert("y", "two"), insert("z", "three"));
    await showing("x=one z=three");
    let answer = (): void => {};
    app.server.command("clear", () => ({}));
    app.server.intercept("command", (_message, proceed) => {
      answer = proceed;
    });
    act(() => {
      void room()?.dispatchCommand("clear", undefined, {
        optimistic: (state) => ({ ...state, log: [{ text: "mine" }, ...state.log] }),
      });
    });
    await showing("~0=mine x=one z=three");
    await app.settle();
    answer();
    await send(insert("m", "mine", 0));
    await showing("m=mine x=one z=three");
  });

  test("rule 4: what was rendered before keeps its keys, also of items that are gone", async () => {
    app.render(<Log />, { strict });
    await until(() => expect(room()).toBeDefined());
    await send(insert("x", "one"), insert("y", "two"));
    await showing("x=one y=two");
    const before = latest();
    await send({ op: "delete", stream: "log", store_id: [], item_key: "x" });
    await showing("y=two");
    expect(before.keys).toEqual(["x", "y"]);
  });

  test("rule 4: items that are shown later than others came keep their keys", async () => {
    function Deferred(): ReactElement {
      const { store } = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
      rooms.push(store);
      const { items, keys } = useDeferredValue(app.musubi.useMusubiStream(store, (snapshot) => snapshot.log));
      if (items.length !== keys.length || keys.some((key) => key.startsWith("~")))
        throw new Error(`torn: ${keys.join()}`);
      return <p>{items.map((item, at) => `${keys[at]}=${item.text}`).join(" ")}</p>;
    }
    app.render(<Deferred />, { strict });
    await until(() => expect(room()).toBeDefined());
    for (let step = 0; step < 10; step++) await send(insert(`k${step % 3}`, String(step), step % 2 === 0 ? 0 : -1));
    await showing("k2=8 k1=7 k0=9");
  });
});
