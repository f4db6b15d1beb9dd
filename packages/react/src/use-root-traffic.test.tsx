import { Activity, type ReactElement } from "react";
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

/** Only where this version of React has it. */
const activityTest = Activity === undefined ? undefined : test;

describe("no extra wire traffic", () => {
  test("react.md 1: StrictMode: one join, one mount, and one unmount after the last holder is gone", async () => {
    const { show } = app.render(<app.Room id="a" />, { strict: true });
    await app.shows("room a");
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
    const { show } = app.render(<app.Room key="here" id="a" />);
    await app.shows("room a");
    app.seen.length = 0;
    show(<app.Room key="there" id="a" />);
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
    expect(app.seen.map((root) => root.status)).toEqual(["ready"]);
  });

  test("react.md 1: a route swap across commits within the grace keeps the mount and never shows loading", async () => {
    const { show } = app.render(<app.Room id="a" />);
    await app.shows("room a");
    show(null);
    app.advance(GRACE_MS - 1);
    app.seen.length = 0;
    show(<app.Room id="a" />);
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
    expect(app.seen.map((root) => root.status)).toEqual(["ready"]);
  });

  test("react.md 1: of two holders the first to go unmounts nothing", async () => {
    const { show } = app.render([<app.Room key="1" id="a" />, <app.Room key="2" id="a" />]);
    await until(() => expect(app.text).toBe("room aroom a"));
    show([<app.Room key="2" id="a" />]);
    app.advance(GRACE_MS);
    await app.settle();
    expect(app.count("unmount")).toBe(0);
    expect(app.text).toBe("room a");
  });

  test("react.md 1: after the grace the root is mounted anew", async () => {
    const { show } = app.render(<app.Room id="a" />);
    await app.shows("room a");
    show(null);
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
    await app.settle();
    show(<app.Room id="a" />);
    expect(app.text).toBe("loading");
    await app.shows("room a");
    expect(app.count("mount")).toBe(2);
  });

  test("react.md 1: a root that is asked for while its unmount is unanswered is mounted after the answer", async () => {
    const { show } = app.render(<app.Room id="a" />);
    await app.shows("room a");
    let answer = (): void => {};
    app.server.intercept("unmount", (_message, proceed) => {
      answer = proceed;
    });
    show(null);
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
    show(<app.Room id="a" />);
    await app.settle();
    expect(app.count("mount")).toBe(1);
    answer();
    await app.shows("room a");
    expect(app.count("mount")).toBe(2);
  });

  activityTest?.(
    "react.md 1: hidden by Activity longer than the grace: one unmount; shown again: one mount, last snapshot on screen",
    async () => {
      const at = (mode: "visible" | "hidden"): ReactElement => (
        <Activity mode={mode}>
          <app.Room id="a" />
        </Activity>
      );
      const { show } = app.render(at("visible"));
      await app.shows("room a");
      show(at("hidden"));
      app.advance(GRACE_MS);
      await until(() => expect(app.count("unmount")).toBe(1));
      await app.settle();
      app.seen.length = 0;
      app.server.store("Room", () => ({ title: "new title", rows: [] }));
      show(at("visible"));
      expect(app.text).toBe("room a stale fetching");
      await app.shows("new title");
      expect(app.seen.map((root) => root.status)).not.toContain("loading");
      expect([app.count("mount"), app.count("unmount")]).toEqual([2, 1]);
    },
  );

  activityTest?.("react.md 1: hidden and shown within the grace: nothing is sent", async () => {
    const at = (mode: "visible" | "hidden"): ReactElement => (
      <Activity mode={mode}>
        <app.Room id="a" />
      </Activity>
    );
    const { show } = app.render(at("visible"));
    await app.shows("room a");
    show(at("hidden"));
    app.advance(GRACE_MS - 1);
    show(at("visible"));
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
    expect(app.text).toBe("room a");
  });
});
