import { act, render } from "@testing-library/react";
import * as React from "react";
import {
  type ReactElement,
  type ReactNode,
  StrictMode,
  Suspense,
  startTransition,
  useLayoutEffect,
  useState,
} from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ErrorBoundary } from "./error-boundary.test.util.js";
import type { MusubiRootSuspenseOptions, StoreProxy } from "./index.js";
import { App, GRACE_MS, type Stores, until } from "./musubi-app.test.util.js";

/** How long what a render asked for is kept once it is there, in milliseconds. */
const UNCLAIMED_MS = 5_000;
/** React 18 has no Activity, and none of its tests. */
const { Activity } = React;
const activityTest = Activity === undefined ? undefined : test;

let app: App;
/** How often the fallback came on screen. */
const fallback = vi.fn();
const thrown: unknown[] = [];
const stores: StoreProxy<"Room", Stores>[] = [];

beforeEach(() => {
  app = new App();
  thrown.length = stores.length = 0;
  fallback.mockClear();
});

afterEach(async () => {
  await app.end();
});

type Options = Omit<MusubiRootSuspenseOptions<"Room", Stores>, "module">;

function useRoom(options: Options): StoreProxy<"Room", Stores> {
  try {
    return app.musubi.useMusubiRootSuspense({ module: "Room", ...options });
  } catch (what) {
    thrown.push(what);
    throw what;
  }
}

function Room(options: Options): ReactElement {
  const store = useRoom(options);
  stores.push(store);
  return <p>{app.musubi.useMusubiSnapshot(store, (room) => room.title)}</p>;
}

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

const text = (): string => document.body.textContent ?? "";
const showing = (expected: string): Promise<void> => until(() => expect(text()).toBe(expected));
const wire = (): number[] => [app.count("mount"), app.count("unmount")];
/** React reports what an error boundary catches. */
const expectComplaints = (): void => void app.consoleError.mockImplementation(() => {});
const forgetComplaints = (): void => void app.consoleError.mockClear();

/** Holds back the answers to mounts. */
function holdMounts(): { answer(): void } {
  const held: (() => void)[] = [];
  app.server.intercept("mount", (_message, proceed) => held.push(proceed));
  return {
    answer: () => {
      for (const proceed of held.splice(0)) proceed();
    },
  };
}

describe.each([false, true])("useMusubiRootSuspense (strict: %s)", (strict) => {
  test("rule 3: suspends until the first state, with one mount; one unmount a grace after the last holder", async () => {
    const { show } = app.render(
      <Boundaries>
        <Room id="a" />
        <Room id="a" />
      </Boundaries>,
      { strict },
    );
    expect(text()).toBe("waiting");
    await showing("room aroom a");
    // React has run the effects of the commit.
    await app.settle();
    app.advance(UNCLAIMED_MS + GRACE_MS);
    await app.settle();
    expect(wire()).toEqual([1, 0]);
    expect(new Set(stores).size).toBe(1);
    show(null);
    app.advance(GRACE_MS);
    await app.settle();
    expect(wire()).toEqual([1, 1]);
  });

  test("rule 3: the promise thrown is the same until it settles", async () => {
    const held = holdMounts();
    const room = (key: number): ReactElement => (
      <Boundaries>
        <Room id="a" key={key} />
      </Boundaries>
    );
    const { show } = app.render(room(1), { strict });
    for (let round = 0; round < 3; round++) {
      await app.settle();
      show(room(round));
    }
    expect(thrown.length).toBeGreaterThan(1);
    expect(new Set(thrown).size).toBe(1);
    expect(thrown[0]).toBeInstanceOf(Promise);
    held.answer();
    await showing("room a");
    expect(wire()).toEqual([1, 0]);
  });

  test("rule 3: a render that is discarded leaks nothing: it is unmounted 5 s after it settled", async () => {
    const held = holdMounts();
    const { show } = app.render(
      <Boundaries>
        <Room id="a" />
      </Boundaries>,
      { strict },
    );
    await app.settle();
    show(null);
    app.advance(UNCLAIMED_MS);
    await app.settle();
    held.answer();
    await app.settle();
    app.advance(UNCLAIMED_MS - 1);
    await app.settle();
    expect(wire()).toEqual([1, 0]);
    app.advance(1 + GRACE_MS);
    await app.settle();
    expect(wire()).toEqual([1, 1]);
  });

  test("rule 3: it is kept for a render that comes back before that", async () => {
    const tree = (
      <Boundaries>
        <Room id="a" />
      </Boundaries>
    );
    const { show } = app.render(tree, { strict });
    show(null);
    await app.settle();
    app.advance(UNCLAIMED_MS - 1);
    fallback.mockClear();
    show(tree);
    expect(text()).toBe("room a");
    expect(fallback).not.toHaveBeenCalled();
    app.advance(UNCLAIMED_MS + GRACE_MS);
    await app.settle();
    expect(wire()).toEqual([1, 0]);
  });

  test("rule 3: a root that was there already is kept for a sibling that is not", async () => {
    const held = holdMounts();
    const page = (key: string, ...ids: string[]): ReactElement => (
      <Boundaries key={key}>
        {ids.map((id) => (
          <Room key={id} id={id} />
        ))}
      </Boundaries>
    );
    const { show } = app.render(page("1", "a"), { strict });
    await app.settle();
    held.answer();
    await showing("room a");
    show(page("2", "a", "b"));
    app.advance(GRACE_MS);
    await app.settle();
    held.answer();
    await showing("room aroom b");
    expect(wire()).toEqual([2, 0]);
  });

  test("rule 3: a failed mount throws to the boundary, and stays failed until error.retry()", async () => {
    expectComplaints();
    app.server.store("Room", () => {
      throw new Error("unauthorized");
    });
    const { getByLabelText } = app.render(
      <Boundaries>
        <Room id="a" />
      </Boundaries>,
      { strict },
    );
    await until(() => expect(text()).toBe('caught mount_refused "unauthorized"'));
    app.server.store("Room", () => ({ title: "let in" }));
    act(() => getByLabelText("reset").click());
    await app.settle();
    expect(text()).toBe('caught mount_refused "unauthorized"');
    expect(wire()).toEqual([1, 0]);
    act(() => getByLabelText("retry").click());
    await showing("let in");
    expect(wire()).toEqual([2, 0]);
    forgetComplaints();
  });

  test("rule 3: a failed mount is tried afresh once 5 s have passed", async () => {
    expectComplaints();
    app.server.store("Room", () => {
      throw new Error("unauthorized");
    });
    const { getByLabelText } = app.render(
      <Boundaries>
        <Room id="a" />
      </Boundaries>,
      { strict },
    );
    await until(() => expect(text()).toContain("unauthorized"));
    app.server.store("Room", () => ({ title: "let in" }));
    app.advance(UNCLAIMED_MS - 1);
    act(() => getByLabelText("reset").click());
    expect(text()).toContain("unauthorized");
    app.advance(UNCLAIMED_MS);
    act(() => getByLabelText("reset").click());
    await showing("let in");
    expect(wire()).toEqual([2, 0]);
    forgetComplaints();
  });

  test("rule 3: a refused join throws to the boundary; a retry joins again, for all that failed with it", async () => {
    expectComplaints();
    app.server.intercept("phx_join", (message) => app.server.reply(message, "error", { reason: "unauthorized" }));
    const { getAllByLabelText } = app.render(
      ["a", "b"].map((id) => (
        <Boundaries key={id}>
          <Room id={id} />
        </Boundaries>
      )),
      { strict },
    );
    await until(() => expect(text().match(/caught join_refused/g)).toHaveLength(2));
    app.server.intercept("phx_join", (_message, proceed) => proceed());
    act(() => getAllByLabelText("retry")[0]?.click());
    await until(() => expect(text()).toContain("room a"));
    act(() => getAllByLabelText("reset")[0]?.click());
    await showing("room aroom b");
    forgetComplaints();
  });

  test("rule 3: a reconnect, a gap and an end by the server never suspend", async () => {
    app.render(
      <Boundaries>
        <Room id="a" />
      </Boundaries>,
      { strict },
    );
    await showing("room a");
    fallback.mockClear();
    app.server.accepting = false;
    act(() => app.server.cut());
    await app.settle();
    expect(text()).toBe("room a");
    app.server.store("Room", () => ({ title: "back" }));
    app.server.accepting = true;
    await showing("back");
    app.server.store("Room", () => ({ title: "repaired" }));
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
    act(() => app.server.down("Room:a", "deleted", false));
    await app.settle();
    expect(text()).toBe("repaired");
    expect(fallback).not.toHaveBeenCalled();
  });

  test("rule 8: other params of the same root never suspend: the last state stays until theirs is there", async () => {
    const at = (page: number): ReactElement => (
      <Boundaries>
        <Room id="a" params={{ page }} />
      </Boundaries>
    );
    const { show } = app.render(at(1), { strict });
    await showing('room a {"page":1}');
    fallback.mockClear();
    show(at(2));
    expect(text()).toBe('room a {"page":1}');
    await showing('room a {"page":2}');
    expect(fallback).not.toHaveBeenCalled();
    expect(app.logger.warn).not.toHaveBeenCalled();
    expect(wire()).toEqual([2, 1]);
  });

  test("rule 3: another id suspends for its first state; a transition keeps the old one on screen, and live", async () => {
    function Page(): ReactElement {
      const [id, setId] = useState("a");
      return (
        <>
          <Room id={id} />
          <button aria-label="go" onClick={() => startTransition(() => setId("b"))} />
        </>
      );
    }
    const held = holdMounts();
    const { getByLabelText } = app.render(
      <Boundaries>
        <Page />
      </Boundaries>,
      { strict },
    );
    await app.settle();
    held.answer();
    await showing("room a");
    fallback.mockClear();
    act(() => getByLabelText("go").click());
    await app.settle();
    act(() => app.server.patch("Room:a", [{ op: "replace", path: "/title", value: "live" }]));
    await showing("live");
    held.answer();
    await showing("room b");
    app.advance(UNCLAIMED_MS + GRACE_MS);
    await app.settle();
    expect(wire()).toEqual([2, 1]);
    expect(fallback).not.toHaveBeenCalled();
  });

  test("rule 3: waits for a socket that is not there yet", async () => {
    const { MusubiProvider } = app.musubi;
    const content = (
      <Boundaries>
        <Room id="a" />
      </Boundaries>
    );
    const tree = (socket: typeof app.socket | null): ReactElement => {
      const node = (
        <MusubiProvider socket={socket} {...app.options}>
          {content}
        </MusubiProvider>
      );
      return strict ? <StrictMode>{node}</StrictMode> : node;
    };
    const { rerender } = render(tree(null));
    await app.settle();
    expect(text()).toBe("waiting");
    rerender(tree(app.socket));
    await showing("room a");
    expect(wire()).toEqual([1, 0]);
  });

  activityTest?.(
    "rule 1: hidden by Activity longer than the grace: one unmount; shown again: one mount, last snapshot, no fallback",
    async () => {
      const at = (mode: "visible" | "hidden"): ReactElement => {
        return (
          <Boundaries>
            <Activity mode={mode}>
              <Room id="a" />
            </Activity>
          </Boundaries>
        );
      };
      const { show } = app.render(at("visible"), { strict });
      await showing("room a");
      fallback.mockClear();
      show(at("hidden"));
      app.advance(GRACE_MS);
      await app.settle();
      expect(wire()).toEqual([1, 1]);
      app.server.store("Room", () => ({ title: "new title" }));
      show(at("visible"));
      expect(text()).toBe("room a");
      await showing("new title");
      expect(fallback).not.toHaveBeenCalled();
      expect(wire()).toEqual([2, 1]);
    },
  );

  test("rule 3: a store that useMusubiRoot holds is there in the first render", async () => {
    function Both(): ReactElement {
      const root = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
      return root.status === "ready" ? <Room id="a" /> : <>{root.status}</>;
    }
    app.render(
      <Boundaries>
        <Both />
      </Boundaries>,
      { strict },
    );
    await showing("room a");
    expect(fallback).not.toHaveBeenCalled();
    expect(wire()).toEqual([1, 0]);
  });
});
