import { createMemoryPersister } from "@musubi/client";
import { act } from "@testing-library/react";
import { Activity, type ReactElement } from "react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MusubiRoot, MusubiRootOptions } from "./index.js";
import { App, GRACE_MS, type Stores, until } from "./musubi-app.test.util.js";

let app: App;

beforeEach(() => {
  app = new App();
});

afterEach(async () => {
  await app.end();
});

type Options = Omit<MusubiRootOptions<"Room", Stores>, "module">;

/** Shows a room as it stands, and keeps what the hook returned. */
const seen: MusubiRoot<"Room", Stores>[] = [];
function Room(options: Options): ReactElement {
  const root = app.musubi.useMusubiRoot({ module: "Room", ...options });
  const title = app.musubi.useMusubiSnapshot(root.store, (snapshot) => snapshot.title);
  seen.push(root);
  if (root.status === "error") {
    return (
      <p>
        error {root.error.message} <button onClick={root.retry}>again</button>
        {root.previous === undefined ? null : ` previous ${root.previous.title}`}
      </p>
    );
  }
  if (root.status !== "ready") return <p>{root.status}</p>;
  return (
    <p>
      {title}
      {root.isStale ? " stale" : ""}
      {root.isFetching ? " fetching" : ""}
      {root.revalidationError === undefined ? "" : " failed"}
    </p>
  );
}

beforeEach(() => {
  seen.length = 0;
});

const text = (): string => document.body.textContent ?? "";
const showing = (expected: string): Promise<void> => until(() => expect(text()).toBe(expected));

/** Only where this version of React has it. */
const activityTest = Activity === undefined ? undefined : test;

describe("mounting", () => {
  test("react.md: loading, then ready with the store", async () => {
    app.render(<Room id="a" />);
    expect(text()).toBe("loading");
    await showing("room a");
    expect(app.server.messages("mount")).toEqual([{ module: "Room", id: "a", params: {} }]);
    expect(seen.at(-1)).toMatchObject({ status: "ready", isFetching: false, isStale: false });
  });

  test("react.md: a disabled root is idle and mounts nothing; enabling mounts, disabling unmounts", async () => {
    const { show } = app.render(<Room id="a" enabled={false} />);
    await app.settle();
    expect(text()).toBe("idle");
    expect(app.count("mount")).toBe(0);
    show(<Room id="a" />);
    await showing("room a");
    show(<Room id="a" enabled={false} />);
    expect(text()).toBe("idle");
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
  });

  test("react.md 2: components with one module, id and params share one mount; params compare canonically", async () => {
    app.render(
      <>
        <Room id="a" params={{ filter: "x", page: 1 }} />
        <Room id="a" params={{ page: 1, filter: "x" }} />
      </>,
    );
    await until(() => expect(text()).toContain("room a"));
    expect(app.count("mount")).toBe(1);
    expect(new Set(seen.filter((root) => root.status === "ready").map((root) => root.store)).size).toBe(1);
    expect(app.logger.warn).not.toHaveBeenCalled();
  });

  test("react.md 2: a component that joins later is ready in its first render", async () => {
    const { show } = app.render(<Room key="1" id="a" />);
    await showing("room a");
    seen.length = 0;
    show([<Room key="1" id="a" />, <Room key="2" id="a" />]);
    expect(seen.map((root) => root.status)).not.toContain("loading");
    await app.settle();
    expect(app.count("mount")).toBe(1);
  });

  test("react.md 2: different ids and modules never alias", async () => {
    app.server.store("Row", (id) => ({ name: `row ${id}`, votes: 0 }));
    const Row = ({ id }: { id: string }): ReactElement => {
      const root = app.musubi.useMusubiRoot({ module: "Row", id });
      return <i>{root.store?.name}</i>;
    };
    app.render(
      <>
        <Room id="a" />
        <Room id={'a","b'} />
        <Row id="a" />
      </>,
    );
    await showing('room aroom a","brow a');
    expect(app.count("mount")).toBe(3);
  });

  test("react.md 1: params in line do not mount again with every render", async () => {
    const { show } = app.render(<Room id="a" params={{ page: 1 }} />);
    await showing('room a {"page":1}');
    show(<Room id="a" params={{ page: 1 }} />);
    show(<Room id="a" params={{ page: 1 }} />);
    app.advance(GRACE_MS);
    await app.settle();
    expect(app.count("mount")).toBe(1);
    expect(app.count("unmount")).toBe(0);
  });
});

describe("no extra wire traffic", () => {
  test("react.md 1: StrictMode: one join, one mount, and one unmount after the last holder is gone", async () => {
    const { show } = app.render(<Room id="a" />, { strict: true });
    await showing("room a");
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("phx_join"), app.count("mount"), app.count("unmount")]).toEqual([1, 1, 0]);
    show(null);
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
    await app.settle();
    expect(app.count("unmount")).toBe(1);
    expect(app.count("phx_leave")).toBe(0);
  });

  test("react.md 1: a route swap in one commit keeps the mount and never shows loading", async () => {
    const { show } = app.render(<Room key="here" id="a" />);
    await showing("room a");
    seen.length = 0;
    show(<Room key="there" id="a" />);
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
    expect(seen.map((root) => root.status)).toEqual(["ready"]);
  });

  test("react.md 1: a route swap across commits within the grace keeps the mount and never shows loading", async () => {
    const { show } = app.render(<Room id="a" />);
    await showing("room a");
    show(null);
    app.advance(GRACE_MS - 1);
    seen.length = 0;
    show(<Room id="a" />);
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
    expect(seen.map((root) => root.status)).toEqual(["ready"]);
  });

  test("react.md 1: of two holders the first to go unmounts nothing", async () => {
    const { show } = app.render([<Room key="1" id="a" />, <Room key="2" id="a" />]);
    await until(() => expect(text()).toBe("room aroom a"));
    show([<Room key="2" id="a" />]);
    app.advance(GRACE_MS);
    await app.settle();
    expect(app.count("unmount")).toBe(0);
    expect(text()).toBe("room a");
  });

  test("react.md 1: after the grace the root is mounted anew", async () => {
    const { show } = app.render(<Room id="a" />);
    await showing("room a");
    show(null);
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
    await app.settle();
    show(<Room id="a" />);
    expect(text()).toBe("loading");
    await showing("room a");
    expect(app.count("mount")).toBe(2);
  });

  test("react.md 1: a root that is asked for while its unmount is unanswered is mounted after the answer", async () => {
    const { show } = app.render(<Room id="a" />);
    await showing("room a");
    let answer = (): void => {};
    app.server.intercept("unmount", (_message, proceed) => {
      answer = proceed;
    });
    show(null);
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
    show(<Room id="a" />);
    await app.settle();
    expect(app.count("mount")).toBe(1);
    answer();
    await showing("room a");
    expect(app.count("mount")).toBe(2);
  });

  activityTest?.(
    "react.md 1: hidden by Activity longer than the grace: one unmount; shown again: one mount, last snapshot on screen",
    async () => {
      const at = (mode: "visible" | "hidden"): ReactElement => (
        <Activity mode={mode}>
          <Room id="a" />
        </Activity>
      );
      const { show } = app.render(at("visible"));
      await showing("room a");
      show(at("hidden"));
      app.advance(GRACE_MS);
      await until(() => expect(app.count("unmount")).toBe(1));
      await app.settle();
      seen.length = 0;
      app.server.store("Room", () => ({ title: "new title", rows: [] }));
      show(at("visible"));
      expect(text()).toBe("room a stale fetching");
      await showing("new title");
      expect(seen.map((root) => root.status)).not.toContain("loading");
      expect([app.count("mount"), app.count("unmount")]).toEqual([2, 1]);
    },
  );

  activityTest?.("react.md 1: hidden and shown within the grace: nothing is sent", async () => {
    const at = (mode: "visible" | "hidden"): ReactElement => (
      <Activity mode={mode}>
        <Room id="a" />
      </Activity>
    );
    const { show } = app.render(at("visible"));
    await showing("room a");
    show(at("hidden"));
    app.advance(GRACE_MS - 1);
    show(at("visible"));
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
    expect(text()).toBe("room a");
  });
});

describe("another root", () => {
  test("react.md 8: a changed id mounts the new root, shows loading, and releases the old one", async () => {
    const { show } = app.render(<Room id="a" />);
    await showing("room a");
    show(<Room id="b" />);
    expect(text()).toBe("loading");
    await showing("room b");
    app.advance(GRACE_MS);
    await until(() => expect(app.server.messages("unmount")).toEqual([{ root_id: "Room:a" }]));
  });

  test("react.md 8: changed params show loading, never the state of the former ones as if it were theirs", async () => {
    const { show } = app.render(<Room id="a" params={{ page: 1 }} />);
    await showing('room a {"page":1}');
    seen.length = 0;
    show(<Room id="a" params={{ page: 2 }} />);
    expect(text()).toBe("loading");
    await showing('room a {"page":2}');
    expect(seen.filter((root) => root.status === "ready").every((root) => root.store.title.includes("2"))).toBe(true);
    expect(app.server.messages("mount").at(-1)).toMatchObject({ params: { page: 2 } });
    expect([app.count("mount"), app.count("unmount")]).toEqual([2, 1]);
    expect(app.logger.warn).not.toHaveBeenCalled();
  });

  test("react.md 8: params that change while the first mount is under way end at the last ones", async () => {
    const { show } = app.render(<Room id="a" params={{ page: 1 }} />);
    show(<Room id="a" params={{ page: 2 }} />);
    show(<Room id="a" params={{ page: 3 }} />);
    await showing('room a {"page":3}');
    show(<Room id="a" params={{ page: 4 }} />);
    show(<Room id="a" params={{ page: 5 }} />);
    await showing('room a {"page":5}');
    await app.settle();
    expect(text()).toBe('room a {"page":5}');
  });

  test("react.md 8: other params while others hold the first: the first win, with a warning, until nobody wants them", async () => {
    const { show } = app.render([
      <Room key="1" id="a" params={{ page: 1 }} />,
      <Room key="2" id="a" params={{ page: 2 }} />,
    ]);
    await showing('room a {"page":1}room a {"page":1}');
    expect(app.logger.warn).toHaveBeenCalledTimes(1);
    expect(app.count("mount")).toBe(1);
    show([<Room key="2" id="a" params={{ page: 2 }} />]);
    await showing('room a {"page":2}');
    expect(app.count("mount")).toBe(2);
  });

  test("react.md 8: two components that change their params one commit after the other end at the new ones", async () => {
    const rooms = (first: number, second: number): ReactElement[] => [
      <Room key="1" id="a" params={{ page: first }} />,
      <Room key="2" id="a" params={{ page: second }} />,
    ];
    const { show } = app.render(rooms(1, 1));
    await showing('room a {"page":1}room a {"page":1}');
    show(rooms(2, 1));
    await app.settle();
    show(rooms(2, 2));
    await showing('room a {"page":2}room a {"page":2}');
    expect(app.count("mount")).toBe(2);
  });

  test("react.md 8: keepPreviousData keeps the old root on screen until the new one is there", async () => {
    const { show } = app.render(<Room id="a" keepPreviousData />);
    await showing("room a");
    seen.length = 0;
    show(<Room id="b" keepPreviousData />);
    expect(text()).toBe("room a stale fetching");
    app.advance(GRACE_MS);
    await showing("room b");
    expect(seen.every((root) => root.status === "ready")).toBe(true);
    expect(app.count("unmount")).toBe(1);
  });

  test("react.md 8: keepPreviousData with other params swaps them in at once, without a blank", async () => {
    const { show } = app.render(<Room id="a" params={{ page: 1 }} keepPreviousData />);
    await showing('room a {"page":1}');
    seen.length = 0;
    show(<Room id="a" params={{ page: 2 }} keepPreviousData />);
    expect(text()).toBe('room a {"page":1} stale fetching');
    await showing('room a {"page":2}');
    expect(seen.every((root) => root.status === "ready")).toBe(true);
  });

  test("react.md 8: keepPreviousData hands over the old root when the new one fails, and a retry can succeed", async () => {
    const { show, getByText } = app.render(<Room id="a" keepPreviousData />);
    await showing("room a");
    app.server.store("Room", (id) => {
      if (id === "b") throw new Error("forbidden");
      return { title: id, rows: [] };
    });
    show(<Room id="b" keepPreviousData />);
    await until(() => expect(text()).toMatch(/^error .*forbidden.* previous room a$/));
    app.server.store("Room", () => ({ title: "let in", rows: [] }));
    act(() => getByText("again").click());
    expect(text()).toBe("room a stale fetching");
    await showing("let in");
  });

  test("react.md 8: other params that fail show their error, and the next params are mounted all the same", async () => {
    app.server.store("Room", (_id, params) => {
      const { page } = params as { page: number };
      if (page === 2) throw new Error("no such page");
      return { title: `page ${page}`, rows: [] };
    });
    const { show } = app.render(<Room id="a" params={{ page: 1 }} keepPreviousData />);
    await showing("page 1");
    show(<Room id="a" params={{ page: 2 }} keepPreviousData />);
    await until(() => expect(text()).toMatch(/^error .*no such page.* previous page 1$/));
    seen.length = 0;
    show(<Room id="a" params={{ page: 3 }} keepPreviousData />);
    await showing("page 3");
    expect(seen.map((root) => root.status)).not.toContain("error");
  });
});

describe("a root that is kept", () => {
  test("rule 1: unmountOnCleanup={false} keeps it mounted after the component, until the connection is released", async () => {
    const { show, unmount } = app.render(<Room id="a" unmountOnCleanup={false} />, { strict: true });
    await showing("room a");
    show(null);
    app.advance(10 * GRACE_MS);
    await app.settle();
    seen.length = 0;
    show(<Room id="a" />);
    expect(seen.every((root) => root.status === "ready" && !root.isStale)).toBe(true);
    show(null);
    app.advance(10 * GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
    unmount();
    app.advance(10 * GRACE_MS);
    await until(() => expect(app.count("phx_leave")).toBe(1));
    app.render(<Room id="a" />);
    await showing("room a");
    expect(app.count("mount")).toBe(2);
  });
});

describe("a root with a cache", () => {
  test("client.md 17: the last known state is on screen at once, stale and fetching, until the server's own is there", async () => {
    const persister = createMemoryPersister();
    const room = <Room id="a" cache={{ persister }} />;
    const { show } = app.render(room, { strict: true });
    await showing("room a");
    app.advance(1_000);
    await app.settle();
    show(null);
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
    await app.settle();
    app.server.store("Room", () => ({ title: "newer", rows: [] }));
    let proceed = (): void => {};
    app.server.intercept("mount", (_message, answer) => {
      proceed = answer;
    });
    show(room);
    await showing("room a stale fetching");
    await app.settle();
    seen.length = 0;
    proceed();
    await showing("newer");
    expect(seen.every((root) => root.status === "ready")).toBe(true);
  });

  test("client.md 17: an inline cache does not mount again with every render", async () => {
    const { show } = app.render(<Room id="a" cache={{ gcTime: 1_000 }} />);
    await showing("room a");
    show(<Room id="a" cache={{ gcTime: 1_000 }} />);
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
  });

  test("client.md 17: a cached state whose root the server refuses stays readable, with the reason", async () => {
    const persister = createMemoryPersister();
    const room = <Room id="a" cache={{ persister }} />;
    const { show } = app.render(room);
    await showing("room a");
    app.advance(1_000);
    show(null);
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
    await app.settle();
    app.server.store("Room", () => {
      throw new Error("unauthorized");
    });
    show(room);
    await showing("room a stale failed");
    expect(seen.at(-1)).toMatchObject({
      status: "ready",
      isFetching: false,
      revalidationError: { code: "mount_refused" },
    });
  });
});

describe("failures", () => {
  test("react.md: a failed mount is an error with retry, shared by all; retry mounts it again for all", async () => {
    app.server.store("Room", () => {
      throw new Error("unauthorized");
    });
    const { getAllByText } = app.render([<Room key="1" id="a" />, <Room key="2" id="a" />]);
    await until(() => expect(text().match(/unauthorized/g)).toHaveLength(2));
    const failed = seen.at(-1);
    expect(failed).toMatchObject({ status: "error", error: { code: "mount_refused", reason: "unauthorized" } });
    expect(app.count("mount")).toBe(1);
    app.server.store("Room", () => ({ title: "let in", rows: [] }));
    act(() => getAllByText("again")[0]?.click());
    expect(text()).toBe("loadingloading");
    await showing("let inlet in");
    expect(app.count("mount")).toBe(2);
    if (failed?.status === "error") act(failed.retry);
    await app.settle();
    expect(app.count("mount")).toBe(2);
  });

  test("react.md: a failed root that is left is tried afresh by the next one who wants it", async () => {
    app.server.store("Room", () => {
      throw new Error("unauthorized");
    });
    const { show } = app.render(<Room id="a" />, { strict: true });
    await until(() => expect(text()).toContain("unauthorized"));
    show(null);
    app.server.store("Room", () => ({ title: "let in", rows: [] }));
    show(<Room id="a" />);
    await showing("let in");
    expect(app.count("mount")).toBe(2);
  });

  test("client.md 2: a reconnect keeps the screen, says that it is stale, and recovers", async () => {
    app.render(<Room id="a" />);
    await showing("room a");
    seen.length = 0;
    app.server.accepting = false;
    act(() => app.server.cut());
    await showing("room a stale");
    app.server.store("Room", () => ({ title: "back again", rows: [] }));
    app.server.accepting = true;
    await showing("back again");
    expect(seen.every((root) => root.status === "ready")).toBe(true);
    expect(new Set(seen.map((root) => root.store)).size).toBe(1);
    expect(app.count("mount")).toBe(2);
  });

  test("react.md: a root that cannot come back keeps its last state, and says why", async () => {
    app.render(<Room id="a" />);
    await showing("room a");
    act(() => app.server.down("Room:a", "deleted", false));
    await showing("room a stale failed");
    expect(seen.at(-1)).toMatchObject({ status: "ready", revalidationError: { code: "root_down", reason: "deleted" } });
  });

  test("protocol.md 3: a gap recovers behind the screen", async () => {
    app.render(<Room id="a" />);
    await showing("room a");
    seen.length = 0;
    app.server.store("Room", () => ({ title: "repaired", rows: [] }));
    act(() =>
      app.server.push("patch", {
        type: "patch",
        root_id: "Room:a",
        base_version: 7,
        version: 8,
        ops: [],
        stream_ops: [],
      }),
    );
    await showing("repaired");
    expect(seen.every((root) => root.status === "ready")).toBe(true);
  });
});
