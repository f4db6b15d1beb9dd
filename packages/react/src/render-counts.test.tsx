import { act } from "@testing-library/react";
import { memo, Profiler, type ReactElement } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { keyOf, type MusubiConnection, type Selector, type StoreProxy } from "./index.js";
import { App, rowsOf, type Stores, until } from "./musubi-app.test.util.js";

let app: App;
let connection: MusubiConnection<Stores>;
let room: StoreProxy<"Room", Stores>;
interface RowProps {
  readonly store: StoreProxy<"Row", Stores>;
}

/** The commits of each row, by its key and as React's Profiler tells of them; the renders of the list, as "list". */
const commits = new Map<string, number>();
const count = (name: string): void => void commits.set(name, (commits.get(name) ?? 0) + 1);

beforeEach(() => {
  app = new App();
  commits.clear();
});

afterEach(async () => {
  await connection.disconnect();
  await app.end();
});

/** Mounts a room with rows of which each reads its own proxy. */
async function show(rowCount: number, Content: typeof PlainRow = PlainRow): Promise<void> {
  app.server.store("Room", () => ({ title: "many", topic: null, rows: rowsOf(rowCount) }));
  connection = await app.musubi.connect(app.socket, app.options);
  ({ store: room } = await connection.mountStore({ module: "Room", id: "a" }));
  // Above the Profiler, which is told of commits that only make its own element anew.
  const Row = memo(function Row({ store }: RowProps): ReactElement {
    return (
      <Profiler id={keyOf(store)} onRender={count}>
        <Content store={store} />
      </Profiler>
    );
  });
  function Rows(): ReactElement {
    const rows = app.musubi.useMusubiSnapshot(room, (_, proxy) => proxy.rows);
    count("list");
    return (
      <ul>
        {rows.map((row) => (
          <Row key={keyOf(row)} store={row} />
        ))}
      </ul>
    );
  }
  app.render(<Rows />);
}

function PlainRow({ store }: RowProps): ReactElement {
  const { name, votes } = app.musubi.useMusubiSnapshot(store, (row) => ({ name: row.name, votes: row.votes }));
  return <li>{`${name}: ${votes}`}</li>;
}

const patch = (...ops: Parameters<App["server"]["patch"]>[1]): void => app.server.patch("Room:a", ops);
const items = (): HTMLCollection => (document.querySelector("ul") as Element).children;
const keyAt = (at: number): string => keyOf(room.rows[at] as object);

describe("react.md 5: renders per change", () => {
  test("one of 10 000 rows changes: exactly one row renders, and not the list", async () => {
    await show(10_000);
    expect(commits.size).toBe(10_001);
    commits.clear();
    patch({ op: "replace", path: "/rows/6170/votes", value: 1 });
    await until(() => expect(items()[6170]?.textContent).toBe("row 6170: 1"));
    expect(Array.from(commits)).toEqual([[keyAt(6170), 1]]);
  });

  test("many changes of one row in one envelope render it once; a field that the list does not read renders nothing", async () => {
    await show(4);
    commits.clear();
    patch(
      { op: "replace", path: "/rows/2/votes", value: 1 },
      { op: "replace", path: "/title", value: "unread" },
      { op: "replace", path: "/rows/2/name", value: "renamed" },
    );
    await until(() => expect(items()[2]?.textContent).toBe("renamed: 1"));
    expect(Array.from(commits)).toEqual([[keyAt(2), 1]]);
  });

  test("rows that come, go and move render the list once, and of the rows only the new ones", async () => {
    await show(100);
    const [first, second] = [keyAt(0), keyAt(1)];
    const fresh = (id: string) => ({ __musubi_store_id__: ["rows", id], name: id, votes: 0 });
    commits.clear();
    patch(
      { op: "remove", path: "/rows/50" },
      { op: "add", path: "/rows/0", value: fresh("new") },
      { op: "add", path: "/rows/100", value: fresh("last") },
      { op: "remove", path: "/rows/1" },
      { op: "add", path: "/rows/9", value: rowsOf(1)[0] as never },
    );
    await until(() => expect(items().length).toBe(101));
    expect([keyAt(1), keyAt(9)]).toEqual([second, first]);
    const { list, ...rows } = Object.fromEntries(commits);
    expect(list).toBe(1);
    expect(rows).toEqual({ [keyOf(fresh("new"))]: 1, [keyOf(fresh("last"))]: 1 });
  });

  test("a selector is not called for what changes in another store", async () => {
    const select = vi.fn<Selector<"Row", Stores, string>>(({ name, votes }) => `${name}: ${votes}`);
    await show(10, ({ store }) => <li>{app.musubi.useMusubiSnapshot(store, select)}</li>);
    select.mockClear();
    patch({ op: "replace", path: "/rows/3/votes", value: 1 }, { op: "replace", path: "/title", value: "other" });
    await until(() => expect(items()[3]?.textContent).toBe("row 3: 1"));
    act(() => app.server.patch("Room:a", [{ op: "replace", path: "/topic", value: "news" }]));
    await app.settle();
    expect(new Set(select.mock.calls.map(([, row]) => keyOf(row)))).toEqual(new Set([keyAt(3)]));
  });
});
