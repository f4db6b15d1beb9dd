import { createMemoryPersister } from "@musubi/client";
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

describe("mounting", () => {
  test("react.md: loading, then ready with the store", async () => {
    app.render(<app.Room id="a" />);
    expect(app.text).toBe("loading");
    await app.shows("room a");
    expect(app.server.messages("mount")).toEqual([{ module: "Room", id: "a", params: {} }]);
    expect(app.seen.at(-1)).toMatchObject({ status: "ready", isFetching: false, isStale: false });
  });

  test("react.md: a disabled root is idle and mounts nothing; enabling mounts, disabling unmounts", async () => {
    const { show } = app.render(<app.Room id="a" enabled={false} />);
    await app.settle();
    expect(app.text).toBe("idle");
    expect(app.count("mount")).toBe(0);
    show(<app.Room id="a" />);
    await app.shows("room a");
    show(<app.Room id="a" enabled={false} />);
    expect(app.text).toBe("idle");
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
  });

  test("react.md 2: components with one module, id and params share one mount; params compare canonically", async () => {
    app.render(
      <>
        <app.Room id="a" params={{ filter: "x", page: 1 }} />
        <app.Room id="a" params={{ page: 1, filter: "x" }} />
      </>,
    );
    await until(() => expect(app.text).toContain("room a"));
    expect(app.count("mount")).toBe(1);
    expect(new Set(app.seen.filter((root) => root.status === "ready").map((root) => root.store)).size).toBe(1);
    expect(app.logger.warn).not.toHaveBeenCalled();
  });

  test("react.md 2: a component that joins later is ready in its first render", async () => {
    const { show } = app.render(<app.Room key="1" id="a" />);
    await app.shows("room a");
    app.seen.length = 0;
    show([<app.Room key="1" id="a" />, <app.Room key="2" id="a" />]);
    expect(app.seen.map((root) => root.status)).not.toContain("loading");
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
        <app.Room id="a" />
        <app.Room id={'a","b'} />
        <Row id="a" />
      </>,
    );
    await app.shows('room aroom a","brow a');
    expect(app.count("mount")).toBe(3);
  });

  test("react.md 1: params in line do not mount again with every render", async () => {
    const { show } = app.render(<app.Room id="a" params={{ page: 1 }} />);
    await app.shows('room a {"page":1}');
    show(<app.Room id="a" params={{ page: 1 }} />);
    show(<app.Room id="a" params={{ page: 1 }} />);
    app.advance(GRACE_MS);
    await app.settle();
    expect(app.count("mount")).toBe(1);
    expect(app.count("unmount")).toBe(0);
  });
});

describe("a root that is kept", () => {
  test("rule 1: unmountOnCleanup={false} keeps it mounted after the component, until the connection is released", async () => {
    const { show, unmount } = app.render(<app.Room id="a" unmountOnCleanup={false} />, { strict: true });
    await app.shows("room a");
    show(null);
    app.advance(10 * GRACE_MS);
    await app.settle();
    app.seen.length = 0;
    show(<app.Room id="a" />);
    expect(app.seen.every((root) => root.status === "ready" && !root.isStale)).toBe(true);
    show(null);
    app.advance(10 * GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
    unmount();
    app.advance(10 * GRACE_MS);
    await until(() => expect(app.count("phx_leave")).toBe(1));
    app.render(<app.Room id="a" />);
    await app.shows("room a");
    expect(app.count("mount")).toBe(2);
  });
});

describe("a root with a cache", () => {
  test("client.md 17: the last known state is on screen at once, stale and fetching, until the server's own is there", async () => {
    const persister = createMemoryPersister();
    const room = <app.Room id="a" cache={{ persister }} />;
    const { show } = app.render(room, { strict: true });
    await app.shows("room a");
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
    await app.shows("room a stale fetching");
    await app.settle();
    app.seen.length = 0;
    proceed();
    await app.shows("newer");
    expect(app.seen.every((root) => root.status === "ready")).toBe(true);
  });

  test("client.md 17: an inline cache does not mount again with every render", async () => {
    const { show } = app.render(<app.Room id="a" cache={{ gcTime: 1_000 }} />);
    await app.shows("room a");
    show(<app.Room id="a" cache={{ gcTime: 1_000 }} />);
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
  });

  test("client.md 17: a cached state whose root the server refuses stays readable, with the reason", async () => {
    const persister = createMemoryPersister();
    const room = <app.Room id="a" cache={{ persister }} />;
    const { show } = app.render(room);
    await app.shows("room a");
    app.advance(1_000);
    show(null);
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
    await app.settle();
    app.server.store("Room", () => {
      throw new Error("unauthorized");
    });
    show(room);
    await app.shows("room a stale failed");
    expect(app.seen.at(-1)).toMatchObject({
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
    const { getAllByText } = app.render([<app.Room key="1" id="a" />, <app.Room key="2" id="a" />]);
    await until(() => expect(app.text.match(/unauthorized/g)).toHaveLength(2));
    const failed = app.seen.at(-1);
    expect(failed).toMatchObject({ status: "error", error: { code: "mount_refused", reason: "unauthorized" } });
    expect(app.count("mount")).toBe(1);
    app.server.store("Room", () => ({ title: "let in", rows: [] }));
    act(() => getAllByText("again")[0]?.click());
    expect(app.text).toBe("loadingloading");
    await app.shows("let inlet in");
    expect(app.count("mount")).toBe(2);
    if (failed?.status === "error") act(failed.retry);
    await app.settle();
    expect(app.count("mount")).toBe(2);
  });

  test("react.md: a failed root that is left is tried afresh by the next one who wants it", async () => {
    app.server.store("Room", () => {
      throw new Error("unauthorized");
    });
    const { show } = app.render(<app.Room id="a" />, { strict: true });
    await until(() => expect(app.text).toContain("unauthorized"));
    show(null);
    app.server.store("Room", () => ({ title: "let in", rows: [] }));
    show(<app.Room id="a" />);
    await app.shows("let in");
    expect(app.count("mount")).toBe(2);
  });

  test("client.md 2: a reconnect keeps the screen, says that it is stale, and recovers", async () => {
    app.render(<app.Room id="a" />);
    await app.shows("room a");
    app.seen.length = 0;
    app.server.accepting = false;
    act(() => app.server.cut());
    await app.shows("room a stale");
    app.server.store("Room", () => ({ title: "back again", rows: [] }));
    app.server.accepting = true;
    await app.shows("back again");
    expect(app.seen.every((root) => root.status === "ready")).toBe(true);
    expect(new Set(app.seen.map((root) => root.store)).size).toBe(1);
    expect(app.count("mount")).toBe(2);
  });

  test("react.md: a root that cannot come back keeps its last state, and says why", async () => {
    app.render(<app.Room id="a" />);
    await app.shows("room a");
    act(() => app.server.down("Room:a", "deleted", false));
    await app.shows("room a stale failed");
    expect(app.seen.at(-1)).toMatchObject({
      status: "ready",
      revalidationError: { code: "root_down", reason: "deleted" },
    });
  });

  test("protocol.md 3: a gap recovers behind the screen", async () => {
    app.render(<app.Room id="a" />);
    await app.shows("room a");
    app.seen.length = 0;
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
    await app.shows("repaired");
    expect(app.seen.every((root) => root.status === "ready")).toBe(true);
  });
});
