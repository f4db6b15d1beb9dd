import { act } from "@testing-library/react";
import type { ReactElement } from "react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GRACE_MS, until } from "./musubi-app.test.util.js";
import { RoomApp } from "./room-app.test.util.js";

let app: RoomApp;

beforeEach(() => {
  app = new RoomApp();
});

afterEach(async () => {
  await app.end();
});

describe("another root", () => {
  test("react.md 8: a changed id mounts the new root, shows loading, and releases the old one", async () => {
    const { show } = app.render(<app.Room id="a" />);
    await app.shows("room a");
    show(<app.Room id="b" />);
    expect(app.text).toBe("loading");
    await app.shows("room b");
    app.advance(GRACE_MS);
    await until(() => expect(app.server.messages("unmount")).toEqual([{ root_id: "Room:a" }]));
  });

  test("react.md 8: changed params show loading, never the state of the former ones as if it were theirs", async () => {
    const { show } = app.render(<app.Room id="a" params={{ page: 1 }} />);
    await app.shows('room a {"page":1}');
    app.seen.length = 0;
    show(<app.Room id="a" params={{ page: 2 }} />);
    expect(app.text).toBe("loading");
    await app.shows('room a {"page":2}');
    expect(app.seen.filter((root) => root.status === "ready").every((root) => root.store.title.includes("2"))).toBe(
      true,
    );
    expect(app.server.messages("mount").at(-1)).toMatchObject({ params: { page: 2 } });
    expect([app.count("mount"), app.count("unmount")]).toEqual([2, 1]);
    expect(app.logger.warn).not.toHaveBeenCalled();
  });

  test("react.md 8: params that change while the first mount is under way end at the last ones", async () => {
    const { show } = app.render(<app.Room id="a" params={{ page: 1 }} />);
    show(<app.Room id="a" params={{ page: 2 }} />);
    show(<app.Room id="a" params={{ page: 3 }} />);
    await app.shows('room a {"page":3}');
    show(<app.Room id="a" params={{ page: 4 }} />);
    show(<app.Room id="a" params={{ page: 5 }} />);
    await app.shows('room a {"page":5}');
    await app.settle();
    expect(app.text).toBe('room a {"page":5}');
  });

  test("react.md 8: other params while others hold the first: the first win, with a warning, until nobody wants them", async () => {
    const { show } = app.render([
      <app.Room key="1" id="a" params={{ page: 1 }} />,
      <app.Room key="2" id="a" params={{ page: 2 }} />,
    ]);
    await app.shows('room a {"page":1}room a {"page":1}');
    expect(app.logger.warn).toHaveBeenCalledTimes(1);
    expect(app.count("mount")).toBe(1);
    show([<app.Room key="2" id="a" params={{ page: 2 }} />]);
    await app.shows('room a {"page":2}');
    expect(app.count("mount")).toBe(2);
  });

  test("react.md 8: two components that change their params one commit after the other end at the new ones", async () => {
    const rooms = (first: number, second: number): ReactElement[] => [
      <app.Room key="1" id="a" params={{ page: first }} />,
      <app.Room key="2" id="a" params={{ page: second }} />,
    ];
    const { show } = app.render(rooms(1, 1));
    await app.shows('room a {"page":1}room a {"page":1}');
    show(rooms(2, 1));
    await app.settle();
    show(rooms(2, 2));
    await app.shows('room a {"page":2}room a {"page":2}');
    expect(app.count("mount")).toBe(2);
  });

  test("react.md 8: keepPreviousData keeps the old root on screen until the new one is there", async () => {
    const { show } = app.render(<app.Room id="a" keepPreviousData />);
    await app.shows("room a");
    app.seen.length = 0;
    show(<app.Room id="b" keepPreviousData />);
    expect(app.text).toBe("room a stale fetching");
    app.advance(GRACE_MS);
    await app.shows("room b");
    expect(app.seen.every((root) => root.status === "ready")).toBe(true);
    expect(app.count("unmount")).toBe(1);
  });

  test("react.md 8: keepPreviousData with other params swaps them in at once, without a blank", async () => {
    const { show } = app.render(<app.Room id="a" params={{ page: 1 }} keepPreviousData />);
    await app.shows('room a {"page":1}');
    app.seen.length = 0;
    show(<app.Room id="a" params={{ page: 2 }} keepPreviousData />);
    expect(app.text).toBe('room a {"page":1} stale fetching');
    await app.shows('room a {"page":2}');
    expect(app.seen.every((root) => root.status === "ready")).toBe(true);
  });

  test("react.md 8: keepPreviousData hands over the old root when the new one fails, and a retry can succeed", async () => {
    const { show, getByText } = app.render(<app.Room id="a" keepPreviousData />);
    await app.shows("room a");
    app.server.store("Room", (id) => {
      if (id === "b") throw new Error("forbidden");
      return { title: id, rows: [] };
    });
    show(<app.Room id="b" keepPreviousData />);
    await until(() => expect(app.text).toMatch(/^error .*forbidden.* previous room a$/));
    app.server.store("Room", () => ({ title: "let in", rows: [] }));
    act(() => getByText("again").click());
    expect(app.text).toBe("room a stale fetching");
    await app.shows("let in");
  });

  test("react.md 8: other params that fail show their error, and the next params are mounted all the same", async () => {
    app.server.store("Room", (_id, params) => {
      const { page } = params as { page: number };
      if (page === 2) throw new Error("no such page");
      return { title: `page ${page}`, rows: [] };
    });
    const { show } = app.render(<app.Room id="a" params={{ page: 1 }} keepPreviousData />);
    await app.shows("page 1");
    show(<app.Room id="a" params={{ page: 2 }} keepPreviousData />);
    await until(() => expect(app.text).toMatch(/^error .*no such page.* previous page 1$/));
    app.seen.length = 0;
    show(<app.Room id="a" params={{ page: 3 }} keepPreviousData />);
    await app.shows("page 3");
    expect(app.seen.map((root) => root.status)).not.toContain("error");
  });
});
