import { act } from "@testing-library/react";
import { type ReactElement, startTransition, useActionState, useOptimistic } from "react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type MusubiCommand, MusubiCommandError } from "./index.js";
import { App, type Stores, until } from "./musubi-app.test.util.js";

/** Only where this version of React has it. */
const actionTest = useActionState === undefined ? undefined : test;

let app: App;
const seen: MusubiCommand<"Room", "rename", Stores>[] = [];
const latest = (): MusubiCommand<"Room", "rename", Stores> => {
  const command = seen.at(-1);
  if (command === undefined) throw new Error("no component has rendered");
  return command;
};

beforeEach(() => {
  app = new App();
  seen.length = 0;
  app.server.command("rename", (payload) => ({ renamed: (payload as { title: string }).title }));
});

afterEach(async () => {
  await app.end();
});

function Renamer(): ReactElement {
  const root = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
  const command = app.musubi.useMusubiCommand(root.store, "rename");
  seen.push(command);
  return (
    <p>
      {root.status} {command.isPending ? "pending" : "idle"} {command.data?.renamed ?? "no data"}{" "}
      {command.error?.code ?? "no error"}
    </p>
  );
}

const text = (): string => document.body.textContent ?? "";
const showing = (expected: string): Promise<void> => until(() => expect(text()).toBe(expected));

async function start(): Promise<void> {
  app.render(<Renamer />, { strict: true });
  await showing("ready idle no data no error");
}

/** Holds back the answers to commands; `answer(n)` gives the n-th. */
function holdAnswers(): { answer: (index: number) => void; readonly count: number } {
  const held: (() => void)[] = [];
  app.server.intercept("command", (_message, proceed) => held.push(proceed));
  return {
    answer: (index) => held[index]?.(),
    get count() {
      return held.length;
    },
  };
}

describe("useMusubiCommand", () => {
  test("react.md: pending while it is unanswered, then the reply in data", async () => {
    await start();
    let reply: Promise<{ renamed: string }> | undefined;
    act(() => {
      reply = latest().dispatch({ title: "x" });
    });
    expect(text()).toBe("ready pending no data no error");
    await showing("ready idle x no error");
    await expect(reply).resolves.toEqual({ renamed: "x" });
    expect(app.server.messages("command")).toEqual([
      { root_id: "Room:a", store_id: [], name: "rename", payload: { title: "x" } },
    ]);
  });

  test("react.md: a failure lands in error, rejects this dispatch, and need not be caught", async () => {
    await start();
    app.server.command("rename", () => {
      throw new Error("too long");
    });
    act(() => void latest().dispatch({ title: "x" }));
    await showing("ready idle no data too long");
    expect(MusubiCommandError.is(latest().error)).toBe(true);
    await act(async () => {
      await expect(latest().dispatch({ title: "y" })).rejects.toMatchObject({ kind: "failed", fate: "rejected" });
    });
  });

  test("react.md: the next dispatch clears the error and keeps the last data until its outcome", async () => {
    await start();
    await act(async () => void (await latest().dispatch({ title: "x" })));
    const held = holdAnswers();
    act(() => void latest().dispatch({ title: "y" }));
    expect(text()).toBe("ready pending x no error");
    await until(() => expect(held.count).toBe(1));
    held.answer(0);
    await showing("ready idle y no error");
  });

  test("react.md 6: of concurrent dispatches only the latest lands; each promise has its own outcome", async () => {
    await start();
    const held = holdAnswers();
    const replies: Promise<{ renamed: string }>[] = [];
    act(() => {
      replies.push(latest().dispatch({ title: "1" }), latest().dispatch({ title: "2" }));
    });
    await until(() => expect(held.count).toBe(2));
    held.answer(0);
    await expect(replies[0]).resolves.toEqual({ renamed: "1" });
    await app.settle();
    expect(text()).toBe("ready pending no data no error");
    held.answer(1);
    await showing("ready idle 2 no error");
    await expect(replies[1]).resolves.toEqual({ renamed: "2" });
  });

  test("react.md 6: an answer that comes after the latest one's changes nothing", async () => {
    await start();
    const held = holdAnswers();
    act(() => {
      void latest().dispatch({ title: "1" });
      void latest().dispatch({ title: "2" });
    });
    await until(() => expect(held.count).toBe(2));
    held.answer(1);
    await showing("ready idle 2 no error");
    seen.length = 0;
    held.answer(0);
    await app.settle();
    expect(text()).toBe("ready idle 2 no error");
    expect(seen).toEqual([]);
  });

  test("react.md 6: dispatch and reset are stable from the first render on", async () => {
    await start();
    await act(async () => void (await latest().dispatch({ title: "x" })));
    await showing("ready idle x no error");
    expect(seen.length).toBeGreaterThan(3);
    // StrictMode renders the first time twice and drops one of the two.
    const kept = seen.filter((each) => each.dispatch === latest().dispatch);
    expect(kept.length).toBeGreaterThanOrEqual(seen.length - 1);
    expect(new Set(kept.map((each) => each.reset)).size).toBe(1);
  });

  test("react.md 6: reset forgets the outcome, also of what is still under way", async () => {
    await start();
    await act(async () => void (await latest().dispatch({ title: "x" })));
    act(() => latest().reset());
    expect(text()).toBe("ready idle no data no error");
    const held = holdAnswers();
    act(() => void latest().dispatch({ title: "y" }));
    await until(() => expect(held.count).toBe(1));
    act(() => latest().reset());
    expect(text()).toBe("ready idle no data no error");
    held.answer(0);
    await app.settle();
    expect(text()).toBe("ready idle no data no error");
  });

  test("react.md 6: isPending shows within an async transition", async () => {
    await start();
    const held = holdAnswers();
    act(() => startTransition(async () => void (await latest().dispatch({ title: "x" }))));
    await showing("ready pending no data no error");
    await until(() => expect(held.count).toBe(1));
    held.answer(0);
    await showing("ready idle x no error");
  });

  actionTest?.("react.md 6: works with useActionState and useOptimistic", async () => {
    function Form(): ReactElement {
      const root = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
      const { dispatch } = app.musubi.useMusubiCommand(root.store, "rename");
      const [title, rename, isPending] = useActionState(
        async (_: string, next: string) => (await dispatch({ title: next })).renamed,
        "none",
      );
      const [shown, setShown] = useOptimistic(title);
      const click = (): void =>
        startTransition(() => {
          setShown("x");
          rename("x");
        });
      return (
        <button onClick={click}>
          {root.status} {shown} {isPending ? "acting" : "done"}
        </button>
      );
    }
    const { getByRole } = app.render(<Form />);
    await showing("ready none done");
    const held = holdAnswers();
    act(() => getByRole("button").click());
    await showing("ready x acting");
    await until(() => expect(held.count).toBe(1));
    app.server.command("rename", () => ({ renamed: "X" }));
    held.answer(0);
    await showing("ready X done");
  });

  test("react.md 9: a dispatch before there is a store fails with what to do", async () => {
    app.server.intercept("mount", () => {});
    const { unmount } = app.render(<Renamer />);
    act(() => void latest().dispatch({ title: "x" }));
    await showing("loading idle no data invalid_usage");
    expect(latest().error?.message).toBe(
      'Command "rename" was dispatched before its store was there. Wait until the root is "ready".',
    );
    expect(latest().error).toMatchObject({ kind: "interrupted", fate: "not_sent" });
    unmount();
  });

  test("react.md: options count for each dispatch, unless it brings its own", async () => {
    function Timed(): ReactElement {
      const root = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
      const command = app.musubi.useMusubiCommand(root.store, "rename", { timeoutMs: 100 });
      seen.push(command);
      return <p>{command.error?.code ?? root.status}</p>;
    }
    app.render(<Timed />);
    await showing("ready");
    holdAnswers();
    act(() => void latest().dispatch({ title: "x" }));
    app.advance(100);
    await showing("command_timeout");
    act(() => void latest().dispatch({ title: "y" }, { timeoutMs: 200 }));
    app.advance(199);
    await app.settle();
    expect(text()).toBe("ready");
    app.advance(1);
    await showing("command_timeout");
  });

  test("react.md: a command without a payload is dispatched without one", async () => {
    app.server.command("clear", () => ({}));
    function Clear(): ReactElement {
      const root = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
      const { dispatch, data } = app.musubi.useMusubiCommand(root.store, "clear");
      return (
        <button onClick={() => void dispatch()}>
          {root.status} {data === undefined ? "" : "cleared"}
        </button>
      );
    }
    const { getByRole } = app.render(<Clear />);
    await showing("ready ");
    act(() => getByRole("button").click());
    await showing("ready cleared");
    expect(app.server.messages("command")).toEqual([expect.objectContaining({ name: "clear", payload: {} })]);
  });

  test("react.md: unmounting with a dispatch under way leaves nothing behind", async () => {
    await start();
    holdAnswers();
    let outcome: Promise<unknown> | undefined;
    act(() => {
      outcome = latest().dispatch({ title: "x" });
    });
    await app.end();
    await expect(outcome).rejects.toMatchObject({ kind: "interrupted", fate: "unknown" });
    app = new App();
  });
});
