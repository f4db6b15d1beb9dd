import { act } from "@testing-library/react";
import { type ReactElement, StrictMode, useState } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { MusubiConnection, Selector, StoreProxy } from "./index.js";
import { App, type Stores, until } from "./musubi-app.test.util.js";

let app: App;
let connection: MusubiConnection<Stores>;
let room: StoreProxy<"Room", Stores>;

/** How often each component rendered. */
const renders = new Map<string, number>();
const rendered = (name: string): void => void renders.set(name, (renders.get(name) ?? 0) + 1);

beforeEach(() => {
  app = new App();
  renders.clear();
});

afterEach(async () => {
  await connection.disconnect();
  await app.end();
});

/** Mounts the room "a", so that components below get its proxy as a prop. */
async function mount(fields?: Readonly<Record<string, unknown>>): Promise<void> {
  if (fields !== undefined) app.server.store("Room", () => fields);
  connection = await app.musubi.connect(app.socket, app.options);
  ({ store: room } = await connection.mountStore({ module: "Room", id: "a" }));
}

const patch = (...ops: Parameters<App["server"]["patch"]>[1]): void => app.server.patch("Room:a", ops);
const text = (): string => document.body.textContent ?? "";
const showing = (expected: string): Promise<void> => until(() => expect(text()).toBe(expected));

function Show<T>({
  name,
  select,
  store = room,
  isEqual,
}: {
  name: string;
  select: Selector<"Room", Stores, T>;
  store?: StoreProxy<"Room", Stores>;
  isEqual?: (a: T, b: T) => boolean;
}): ReactElement {
  const value = app.musubi.useMusubiSnapshot(store, select, isEqual);
  rendered(name);
  return <p>{JSON.stringify(value)}</p>;
}

describe("selecting", () => {
  test("react.md: without a selector it is the whole snapshot", async () => {
    await mount();
    function Whole(): ReactElement {
      const { title, rows } = app.musubi.useMusubiSnapshot(room);
      return (
        <p>
          {title} {rows.length}
        </p>
      );
    }
    app.render(<Whole />);
    expect(text()).toBe("room a 2");
    patch({ op: "replace", path: "/title", value: "other" }, { op: "remove", path: "/rows/0" });
    await showing("other 1");
  });

  test("react.md 5: a component renders only when what it selected changed", async () => {
    await mount();
    app.render([
      <Show key="1" name="title" select={(snapshot) => snapshot.title} />,
      <Show key="2" name="topic" select={(snapshot) => snapshot.topic} />,
    ]);
    patch({ op: "replace", path: "/topic", value: "news" });
    await showing('"room a""news"');
    expect(Object.fromEntries(renders)).toEqual({ title: 1, topic: 2 });
  });

  test("react.md 5: what is selected compares shallowly by default, and by equalityFn when there is one", async () => {
    await mount();
    app.render([
      <Show key="1" name="shallow" select={({ title, rows }) => ({ title, rows })} />,
      <Show key="2" name="never" select={({ topic }) => ({ topic })} isEqual={() => true} />,
      <Show key="3" name="marker" select={({ topic }) => topic} />,
    ]);
    patch({ op: "replace", path: "/topic", value: "x" });
    await until(() => expect(text()).toContain('"x"'));
    expect(Object.fromEntries(renders)).toEqual({ shallow: 1, never: 1, marker: 2 });
  });

  test("react.md 5: the last equalityFn and selector count, also when they are made anew by each render", async () => {
    await mount();
    const at = (key: "title" | "topic"): ReactElement => <Show name="it" select={(snapshot) => snapshot[key]} />;
    const { show } = app.render(at("title"));
    show(at("topic"));
    expect(text()).toBe("null");
    patch({ op: "replace", path: "/topic", value: "x" });
    await showing('"x"');
  });

  test("react.md 5: streams read as arrays, and an item that comes renders who selected them", async () => {
    await mount();
    app.render([
      <Show key="1" name="log" select={(snapshot) => snapshot.log.map((entry) => entry.text)} />,
      <Show key="2" name="title" select={(snapshot) => snapshot.title} />,
    ]);
    const insert = { op: "insert", stream: "log", ref: "1", store_id: [], at: -1, limit: null } as const;
    act(() =>
      app.server.patch("Room:a", [], {
        stream_ops: [
          { ...insert, item_key: "1", item: { text: "one" } },
          { ...insert, item_key: "2", item: { text: "two" } },
        ],
      }),
    );
    await showing('["one","two"]"room a"');
    expect(Object.fromEntries(renders)).toEqual({ log: 2, title: 1 });
  });

  test("react.md: without a store it is undefined, and with the store what it selects", async () => {
    await mount();
    function Later(): ReactElement {
      const [store, setStore] = useState<StoreProxy<"Room", Stores>>();
      const title: string | undefined = app.musubi.useMusubiSnapshot(store, (snapshot) => snapshot.title);
      return <button onClick={() => setStore(room)}>{title ?? "none"}</button>;
    }
    const { getByText } = app.render(<Later />);
    expect(text()).toBe("none");
    act(() => getByText("none").click());
    expect(text()).toBe("room a");
  });

  test("react.md 7: it renders on a server, without effects", async () => {
    await mount();
    expect(renderToString(<Show name="title" select={(snapshot) => snapshot.title} />)).toBe(
      "<p>&quot;room a&quot;</p>",
    );
  });
});

describe("rows", () => {
  test("react.md 5: a row that a parent passes on another store reads that one", async () => {
    await mount();
    function Picked(): ReactElement {
      const [index, setIndex] = useState(0);
      const store = room.rows[index] as StoreProxy<"Row", Stores>;
      const name = app.musubi.useMusubiSnapshot(store, (row) => row.name);
      return <button onClick={() => setIndex(1)}>{name}</button>;
    }
    const { getByText } = app.render(<Picked />);
    act(() => getByText("row 0").click());
    expect(text()).toBe("row 1");
    patch({ op: "replace", path: "/rows/1/name", value: "renamed" });
    await showing("renamed");
  });
});

describe("a store that is gone", () => {
  test("react.md 5: it keeps its last selected value, and its selector is not called again", async () => {
    await mount();
    const [first] = room.rows;
    const select = vi.fn<Selector<"Row", Stores, string>>((_, row) => row.name.toUpperCase());
    function Kept({ tick }: { tick: number }): ReactElement {
      const name = app.musubi.useMusubiSnapshot(first as StoreProxy<"Row", Stores>, (snapshot, row) =>
        select(snapshot, row),
      );
      return (
        <p>
          {name} {tick}
        </p>
      );
    }
    const { show } = app.render([<Kept key="1" tick={1} />, <Show key="2" name="n" select={(s) => s.rows.length} />]);
    patch({ op: "remove", path: "/rows/0" });
    await showing("ROW 0 11");
    select.mockClear();
    show([<Kept key="1" tick={2} />, <Show key="2" name="n" select={(s) => s.rows.length} />]);
    expect(text()).toBe("ROW 0 21");
    expect(select).not.toHaveBeenCalled();
    patch({ op: "add", path: "/rows/0", value: { __musubi_store_id__: ["rows", "0"], name: "back", votes: 0 } });
    await showing("BACK 22");
  });

  test("react.md 5: the last value of another store is not kept for one that was never there", async () => {
    await mount();
    const [first, second] = room.rows;
    patch({ op: "remove", path: "/rows/1" });
    function Name({ store }: { store: StoreProxy<"Row", Stores> }): ReactElement {
      const name: string | undefined = app.musubi.useMusubiSnapshot(store, (row) => row.name);
      return <p>{name ?? "nothing"}</p>;
    }
    await until(() => expect(room.rows).toHaveLength(1));
    const { show } = app.render(<Name store={first as StoreProxy<"Row", Stores>} />);
    expect(text()).toBe("row 0");
    show(<Name store={second as StoreProxy<"Row", Stores>} />);
    expect(text()).toBe("nothing");
  });
});

describe("with React", () => {
  test("react.md 1: mounting and unmounting in StrictMode leaves no subscription", async () => {
    await mount();
    let listening = 0;
    const spied = new Proxy(room, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (key !== "subscribe") return value;
        return (listener: () => void) => {
          const stop = target.subscribe(listener);
          listening++;
          return () => {
            listening--;
            stop();
          };
        };
      },
    });
    const select = ({ title }: { title: string }): string => title;
    const { show } = app.render(
      <StrictMode>
        <Show name="it" store={spied} select={select} />
      </StrictMode>,
    );
    expect(listening).toBe(1);
    show(null);
    expect(listening).toBe(0);
  });
});
