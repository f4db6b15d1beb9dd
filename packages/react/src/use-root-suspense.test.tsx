import { act, render } from "@testing-library/react";
import * as React from "react";
import { type ReactElement, startTransition, StrictMode, useState } from "react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GRACE_MS } from "./musubi-app.test.util.js";
import { SuspendingApp, UNCLAIMED_MS } from "./suspending-app.test.util.js";

/** React 18 has no Activity, and none of its tests. */
const { Activity } = React;
const activityTest = Activity === undefined ? undefined : test;

let app: SuspendingApp;

beforeEach(() => {
  app = new SuspendingApp();
});

afterEach(async () => {
  await app.end();
});

describe.each([false, true])("useMusubiRootSuspense (strict: %s)", (strict) => {
  test("rule 3: suspends until the first state, with one mount; one unmount a grace after the last holder", async () => {
    const { show } = app.render(
      <app.Boundaries>
        <app.Room id="a" />
        <app.Room id="a" />
      </app.Boundaries>,
      { strict },
    );
    expect(app.text).toBe("waiting");
    await app.shows("room aroom a");
    // React has run the effects of the commit.
    await app.settle();
    app.advance(UNCLAIMED_MS + GRACE_MS);
    await app.settle();
    expect(app.wire).toEqual([1, 0]);
    expect(new Set(app.stores).size).toBe(1);
    show(null);
    app.advance(GRACE_MS);
    await app.settle();
    expect(app.wire).toEqual([1, 1]);
  });

  test("rule 3: the promise app.thrown is the same until it settles", async () => {
    const held = app.holdMounts();
    const room = (key: number): ReactElement => (
      <app.Boundaries>
        <app.Room id="a" key={key} />
      </app.Boundaries>
    );
    const { show } = app.render(room(1), { strict });
    for (let round = 0; round < 3; round++) {
      await app.settle();
      show(room(round));
    }
    expect(app.thrown.length).toBeGreaterThan(1);
    expect(new Set(app.thrown).size).toBe(1);
    expect(app.thrown[0]).toBeInstanceOf(Promise);
    held.answer();
    await app.shows("room a");
    expect(app.wire).toEqual([1, 0]);
  });

  test("rule 3: a render that is discarded leaks nothing: it is unmounted 5 s after it settled", async () => {
    const held = app.holdMounts();
    const { show } = app.render(
      <app.Boundaries>
        <app.Room id="a" />
      </app.Boundaries>,
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
    expect(app.wire).toEqual([1, 0]);
    app.advance(1 + GRACE_MS);
    await app.settle();
    expect(app.wire).toEqual([1, 1]);
  });

  test("rule 3: it is kept for a render that comes back before that", async () => {
    const tree = (
      <app.Boundaries>
        <app.Room id="a" />
      </app.Boundaries>
    );
    const { show } = app.render(tree, { strict });
    show(null);
    await app.settle();
    app.advance(UNCLAIMED_MS - 1);
    app.fallback.mockClear();
    show(tree);
    expect(app.text).toBe("room a");
    expect(app.fallback).not.toHaveBeenCalled();
    app.advance(UNCLAIMED_MS + GRACE_MS);
    await app.settle();
    expect(app.wire).toEqual([1, 0]);
  });

  test("rule 3: a root that was there already is kept for a sibling that is not", async () => {
    const held = app.holdMounts();
    const page = (key: string, ...ids: string[]): ReactElement => (
      <app.Boundaries key={key}>
        {ids.map((id) => (
          <app.Room key={id} id={id} />
        ))}
      </app.Boundaries>
    );
    const { show } = app.render(page("1", "a"), { strict });
    await app.settle();
    held.answer();
    await app.shows("room a");
    show(page("2", "a", "b"));
    app.advance(GRACE_MS);
    await app.settle();
    held.answer();
    await app.shows("room aroom b");
    expect(app.wire).toEqual([2, 0]);
  });

  test("rule 3: a reconnect, a gap and an end by the server never suspend", async () => {
    app.render(
      <app.Boundaries>
        <app.Room id="a" />
      </app.Boundaries>,
      { strict },
    );
    await app.shows("room a");
    app.fallback.mockClear();
    app.server.accepting = false;
    act(() => app.server.cut());
    await app.settle();
    expect(app.text).toBe("room a");
    app.server.store("Room", () => ({ title: "back" }));
    app.server.accepting = true;
    await app.shows("back");
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
    await app.shows("repaired");
    act(() => app.server.down("Room:a", "deleted", false));
    await app.settle();
    expect(app.text).toBe("repaired");
    expect(app.fallback).not.toHaveBeenCalled();
  });

  test("rule 8: other params of the same root never suspend: the last state stays until theirs is there", async () => {
    const at = (page: number): ReactElement => (
      <app.Boundaries>
        <app.Room id="a" params={{ page }} />
      </app.Boundaries>
    );
    const { show } = app.render(at(1), { strict });
    await app.shows('room a {"page":1}');
    app.fallback.mockClear();
    show(at(2));
    expect(app.text).toBe('room a {"page":1}');
    await app.shows('room a {"page":2}');
    expect(app.fallback).not.toHaveBeenCalled();
    expect(app.logger.warn).not.toHaveBeenCalled();
    expect(app.wire).toEqual([2, 1]);
  });

  test("rule 3: another id suspends for its first state; a transition keeps the old one on screen, and live", async () => {
    function Page(): ReactElement {
      const [id, setId] = useState("a");
      return (
        <>
          <app.Room id={id} />
          <button aria-label="go" onClick={() => startTransition(() => setId("b"))} />
        </>
      );
    }
    const held = app.holdMounts();
    const { getByLabelText } = app.render(
      <app.Boundaries>
        <Page />
      </app.Boundaries>,
      { strict },
    );
    await app.settle();
    held.answer();
    await app.shows("room a");
    app.fallback.mockClear();
    act(() => getByLabelText("go").click());
    await app.settle();
    act(() => app.server.patch("Room:a", [{ op: "replace", path: "/title", value: "live" }]));
    await app.shows("live");
    held.answer();
    await app.shows("room b");
    app.advance(UNCLAIMED_MS + GRACE_MS);
    await app.settle();
    expect(app.wire).toEqual([2, 1]);
    expect(app.fallback).not.toHaveBeenCalled();
  });

  test("rule 3: waits for a socket that is not there yet", async () => {
    const { MusubiProvider } = app.musubi;
    const content = (
      <app.Boundaries>
        <app.Room id="a" />
      </app.Boundaries>
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
    expect(app.text).toBe("waiting");
    rerender(tree(app.socket));
    await app.shows("room a");
    expect(app.wire).toEqual([1, 0]);
  });

  activityTest?.(
    "rule 1: hidden by Activity longer than the grace: one unmount; shown again: one mount, last snapshot, no app.fallback",
    async () => {
      const at = (mode: "visible" | "hidden"): ReactElement => {
        return (
          <app.Boundaries>
            <Activity mode={mode}>
              <app.Room id="a" />
            </Activity>
          </app.Boundaries>
        );
      };
      const { show } = app.render(at("visible"), { strict });
      await app.shows("room a");
      app.fallback.mockClear();
      show(at("hidden"));
      app.advance(GRACE_MS);
      await app.settle();
      expect(app.wire).toEqual([1, 1]);
      app.server.store("Room", () => ({ title: "new title" }));
      show(at("visible"));
      expect(app.text).toBe("room a");
      await app.shows("new title");
      expect(app.fallback).not.toHaveBeenCalled();
      expect(app.wire).toEqual([2, 1]);
    },
  );

  test("rule 3: a store that useMusubiRoot holds is there in the first render", async () => {
    function Both(): ReactElement {
      const root = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
      return root.status === "ready" ? <app.Room id="a" /> : <>{root.status}</>;
    }
    app.render(
      <app.Boundaries>
        <Both />
      </app.Boundaries>,
      { strict },
    );
    await app.shows("room a");
    expect(app.fallback).not.toHaveBeenCalled();
    expect(app.wire).toEqual([1, 0]);
  });
});
