import { act } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "./musubi-app.test.util.js";
import { SuspendingApp, UNCLAIMED_MS } from "./suspending-app.test.util.js";

let app: SuspendingApp;

beforeEach(() => {
  app = new SuspendingApp();
});

afterEach(async () => {
  await app.end();
});

describe.each([false, true])("useMusubiRootSuspense that fails (strict: %s)", (strict) => {
  test("rule 3: a failed mount throws to the boundary, and stays failed until error.retry()", async () => {
    const complaints = app.expectComplaints();
    app.server.store("Room", () => {
      throw new Error("unauthorized");
    });
    const { getByLabelText } = app.render(
      <app.Boundaries>
        <app.Room id="a" />
      </app.Boundaries>,
      { strict },
    );
    await until(() => expect(app.text).toBe('caught mount_refused "unauthorized"'));
    app.server.store("Room", () => ({ title: "let in" }));
    act(() => getByLabelText("reset").click());
    await app.settle();
    expect(app.text).toBe('caught mount_refused "unauthorized"');
    expect(app.wire).toEqual([1, 0]);
    act(() => getByLabelText("retry").click());
    await app.shows("let in");
    expect(app.wire).toEqual([2, 0]);
    complaints.forget();
  });

  test("rule 3: a failed mount is tried afresh once 5 s have passed", async () => {
    const complaints = app.expectComplaints();
    app.server.store("Room", () => {
      throw new Error("unauthorized");
    });
    const { getByLabelText } = app.render(
      <app.Boundaries>
        <app.Room id="a" />
      </app.Boundaries>,
      { strict },
    );
    await until(() => expect(app.text).toContain("unauthorized"));
    app.server.store("Room", () => ({ title: "let in" }));
    app.advance(UNCLAIMED_MS - 1);
    act(() => getByLabelText("reset").click());
    expect(app.text).toContain("unauthorized");
    app.advance(UNCLAIMED_MS);
    act(() => getByLabelText("reset").click());
    await app.shows("let in");
    expect(app.wire).toEqual([2, 0]);
    complaints.forget();
  });

  test("rule 3: a refused join throws to the boundary; a retry joins again, for all that failed with it", async () => {
    const complaints = app.expectComplaints();
    app.server.intercept("phx_join", (message) => app.server.reply(message, "error", { reason: "unauthorized" }));
    const { getAllByLabelText } = app.render(
      ["a", "b"].map((id) => (
        <app.Boundaries key={id}>
          <app.Room id={id} />
        </app.Boundaries>
      )),
      { strict },
    );
    await until(() => expect(app.text.match(/caught join_refused/g)).toHaveLength(2));
    app.server.intercept("phx_join", (_message, proceed) => proceed());
    act(() => getAllByLabelText("retry")[0]?.click());
    await until(() => expect(app.text).toContain("room a"));
    act(() => getAllByLabelText("reset")[0]?.click());
    await app.shows("room aroom b");
    complaints.forget();
  });
});
