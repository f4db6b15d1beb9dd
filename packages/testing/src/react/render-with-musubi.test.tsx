import { type CommandDef, createMusubi, type StoreDef, type StoreField } from "@musubi/react";
import { cleanup } from "@testing-library/react";
import { createContext, type ReactElement, useContext, useEffect } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { childStore } from "../model/wire-parts.js";
import { renderWithMusubi } from "./render-with-musubi.js";

interface Stores {
  Board: StoreDef<
    { title: string; rows: StoreField<"Row">[] },
    { rename: CommandDef<{ title: string }, { renamed: string }> }
  >;
  Row: StoreDef<{ id: string; votes: number }, { vote: CommandDef<{ by: number }, { votes: number }> }>;
}

const musubi = createMusubi<Stores>();

function Board({ id = "b1" }: { readonly id?: string }): ReactElement {
  const root = musubi.useMusubiRoot({ module: "Board", id });
  const title = musubi.useMusubiSnapshot(root.store, (board) => board.title);
  const { state } = musubi.useMusubiConnectionStatus();
  const rename = musubi.useMusubiCommand(root.store, "rename");
  if (root.status === "error") return <p>{root.error.message}</p>;
  if (root.status !== "ready") return <p>{root.status}</p>;
  return (
    <section>
      <h1>{title}</h1>
      <p role="status">{state}</p>
      <button onClick={() => void rename.dispatch({ title: "Renamed" }).catch(() => {})}>
        {rename.isPending ? "…" : "rename"}
      </button>
      <p role="alert">{rename.error?.message}</p>
    </section>
  );
}

const roots = { "Board:b1": { title: "Today", rows: [childStore({ id: "r1", votes: 0 })] } } as const;
let complaints: ReturnType<typeof vi.spyOn>;

beforeEach(() => {
  complaints = vi.spyOn(console, "error");
});
afterEach(() => {
  cleanup();
  const calls = complaints.mock.calls.slice();
  complaints.mockRestore();
  expect(calls, "React complained").toEqual([]);
});

describe.each([false, true])("renderWithMusubi (strict: %s)", (strict) => {
  test("resolves with the first state on screen; what is assigned is rendered", async () => {
    const { getByRole, server } = await renderWithMusubi(<Board />, { musubi, roots, strict });
    expect(getByRole("heading").textContent).toBe("Today");
    await server.patch("Board:b1", { title: "Tomorrow" });
    expect(getByRole("heading").textContent).toBe("Tomorrow");
    expect(server.scripted.messages("mount")).toHaveLength(1);
  });

  test("commands go to handlers, and a pending one can be looked at", async () => {
    const { getByRole, server, settle } = await renderWithMusubi(<Board />, { musubi, roots, strict });
    let answer: (reply: { renamed: string }) => void = () => {};
    server.onCommand("rename", () => new Promise((resolve) => (answer = resolve)));
    await settle(() => getByRole("button").click());
    expect(getByRole("button").textContent).toBe("…");
    expect(server.commands).toMatchObject([{ name: "rename", payload: { title: "Renamed" } }]);
    await settle(() => answer({ renamed: "Renamed" }));
    expect(getByRole("button").textContent).toBe("rename");
    server.onCommand("rename", () => {
      throw new Error("too_short");
    });
    await settle(() => getByRole("button").click());
    expect(getByRole("alert").textContent).toContain("too_short");
  });

  test("a handler may change the state, and wait for it, before it answers", async () => {
    const { getByRole, server, settle } = await renderWithMusubi(<Board />, { musubi, roots, strict });
    const order: string[] = [];
    server.onCommand("rename", async ({ title }) => {
      await server.patch("Board:b1", { title });
      order.push("changed");
      await server.patch("Board:b1", { title: `${title}, twice` });
      return { renamed: title };
    });
    await settle(() => getByRole("button").click());
    expect(order).toEqual(["changed"]);
    expect(getByRole("heading").textContent).toBe("Renamed, twice");
    expect(getByRole("button").textContent).toBe("rename");
  });

  test("offline, and back, with the last state on screen all the while", async () => {
    const { getByRole, server } = await renderWithMusubi(<Board />, { musubi, roots, strict });
    await server.goOffline();
    expect(getByRole("status").textContent).toBe("reconnecting");
    expect(getByRole("heading").textContent).toBe("Today");
    await server.patch("Board:b1", { title: "Later" });
    await server.comeBack();
    expect(getByRole("status").textContent).toBe("ready");
    expect(getByRole("heading").textContent).toBe("Later");
  });

  test("StrictMode runs effects twice, without it they run once", async () => {
    let runs = 0;
    function Effect(): null {
      useEffect(() => void runs++, []);
      return null;
    }
    await renderWithMusubi(<Effect />, { musubi, strict });
    expect(runs).toBe(strict ? 2 : 1);
  });

  test("a refused root shows its error", async () => {
    const { container } = await renderWithMusubi(<Board id="b2" />, { musubi, roots, strict });
    expect(container.textContent).toContain("unknown root");
  });

  test("Musubi's time goes on by advance alone", async () => {
    const { getByRole, settle, advance } = await renderWithMusubi(<Board />, {
      musubi,
      roots,
      strict,
      connect: { commandTimeoutMs: 500 },
    }).then(async (view) => {
      view.server.onCommand("rename", () => new Promise(() => {}));
      return view;
    });
    await settle(() => getByRole("button").click());
    await advance(499);
    expect(getByRole("button").textContent).toBe("…");
    await advance(1);
    expect(getByRole("alert").textContent).toContain("timeout");
  });

  test.each(["unmount", "cleanup"] as const)("%s leaves nothing behind: no timer, no connection", async (how) => {
    const { unmount, server, clock } = await renderWithMusubi(<Board />, { musubi, roots, strict });
    expect(server.scripted.connections).toBe(1);
    if (how === "unmount") unmount();
    else cleanup();
    await expect.poll(() => server.scripted.connections).toBe(0);
    expect(clock.pending).toBe(0);
    expect(server.scripted.messages("phx_leave")).toHaveLength(1);
  });

  test("a wrapper goes around the tree, inside of the provider; rerender keeps the connection", async () => {
    const Place = createContext("nowhere");
    function Where(): ReactElement {
      return <i>{useContext(Place)}</i>;
    }
    const view = await renderWithMusubi(<Where />, {
      musubi,
      roots,
      strict,
      wrapper: ({ children }) => <Place.Provider value="here">{children}</Place.Provider>,
    });
    expect(view.container.textContent).toBe("here");
    view.rerender(<Board />);
    await view.settle();
    expect(view.getByRole("heading").textContent).toBe("Today");
    expect(view.server.scripted.messages("phx_join")).toHaveLength(1);
  });

  test("types come from the app's createMusubi", async () => {
    const { server } = await renderWithMusubi(<i />, { musubi, roots, strict });
    // @ts-expect-error a field of the wrong type
    await server.patch("Board:b1", { title: 1 });
    // @ts-expect-error a module that the registry does not have
    const wrong = () => renderWithMusubi(<i />, { musubi, roots: { "Boards:b1": {} } });
    expect(wrong).toBeTypeOf("function");
  });
});
