import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ERROR_CODES } from "@musubi/protocol";
import { createElement, type FunctionComponent, type ReactNode } from "react";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { installDom } from "./support/dom.js";
import { compileSnippets, readChapter, readSnippets } from "./support/snippets.js";

// What docs/react.md shows beside the page that tests/e2e/newcomer.test.ts opens in a browser: in jsdom, on the
// sources, over a real socket to the guide's own server.

const PAGE = "docs/react.md";

let folder: string;
let server: { readonly http: Server; readonly musubi: { close(): Promise<void> } };
let url: string;
let removeDom: () => void;

beforeAll(async () => {
  const snippets = readSnippets(PAGE);
  // 0 is any free port.
  folder = compileSnippets("react", snippets, (code) => code.replace(/\b4000\b/, "0"));
  removeDom = installDom();
  server = (await import(`${folder}server.ts`)) as typeof server;
  if (!server.http.listening) await new Promise((resolve) => server.http.once("listening", resolve));
  url = `ws://localhost:${(server.http.address() as AddressInfo).port}/socket`;
});

afterAll(async () => {
  removeDom();
  await server.musubi.close();
  server.http.close();
});

type Components = Readonly<Record<string, FunctionComponent<{ id?: string; children?: ReactNode }>>>;

const load = async (file: string) => (await import(`${folder}src/${file}`)) as Components;

/** Renders below a provider with a socket of its own; resolves with Testing Library's queries. */
async function show(...children: ReactNode[]) {
  const { configure, render } = await import("@testing-library/react");
  configure({ asyncUtilTimeout: 15_000 });
  const { Socket } = await import("phoenix");
  const { MusubiProvider } = (await import(`${folder}src/musubi.ts`)) as {
    MusubiProvider: FunctionComponent<{ socket: unknown; children?: ReactNode }>;
  };
  const socket = new Socket(url);
  const view = render(createElement(MusubiProvider, { socket }, ...children));
  const leave = (): void => {
    view.unmount();
    socket.disconnect();
  };
  return { ...view, leave };
}

describe("docs/react.md", () => {
  test("a page of chapters: a list and its rows, a long log behind a window", async () => {
    const { List, LongLog } = { ...(await load("list.tsx")), ...(await load("long-log.tsx")) };
    const { useMusubiRoot } = (await import(`${folder}src/musubi.ts`)) as {
      useMusubiRoot: (options: { module: string; id: string }) => { store?: object };
    };
    const Page = () => {
      const { store } = useMusubiRoot({ module: "List", id: "home" });
      return createElement(LongLog as FunctionComponent<{ list: object | undefined }>, { list: store });
    };
    const view = await show(createElement(List as FunctionComponent, { id: "home" } as never), createElement(Page));
    const box = (await view.findByLabelText("Buy bread")) as HTMLInputElement;
    for (let click = 1; click <= 15; click++) {
      box.click();
      await expect.poll(() => box.checked).toBe(click % 2 === 1);
      await expect.poll(() => view.queryAllByText("toggled Buy bread")).toHaveLength(Math.min(click, 12));
    }
    view.leave();
  });

  test("what suspends, fails into the boundary, and is tried again", async () => {
    const { ListPage } = await load("list-page.tsx");
    // React tells of what a boundary caught.
    const told = vi.spyOn(console, "error").mockImplementation(() => {});
    const view = await show(createElement(ListPage as FunctionComponent, { id: "nowhere" } as never));
    expect(view.getByText("Loading …")).toBeDefined();
    const alert = await view.findByRole("alert");
    expect(alert.textContent).toContain("no_such_list");
    view.getByRole("button").click();
    await view.findByText("Loading …");
    await view.findByRole("alert");
    view.leave();
    expect(told).toHaveBeenCalled();
    told.mockRestore();
  });

  test("the banner says that a connection is being made, then nothing", async () => {
    const { Banner } = await load("banner.tsx");
    const view = await show(createElement(Banner as FunctionComponent));
    expect(view.getByRole("status").textContent).toBe("Connecting …");
    await expect.poll(() => view.queryByRole("status")).toBe(null);
    view.leave();
  });

  test("what a server component loads is what the providers show, on a server too", async () => {
    const { load: loadState } = (await import(`${folder}load.ts`)) as { load: (url: string) => Promise<unknown> };
    const state = JSON.parse(JSON.stringify(await loadState(url))) as unknown;
    const { Providers } = await load("providers.tsx");
    const { ListPage } = await load("list-page.tsx");
    const page = createElement(
      Providers as FunctionComponent<{ url: string; state: unknown; children?: ReactNode }>,
      { url, state },
      createElement(ListPage as FunctionComponent, { id: "home" } as never),
    );
    const { renderToString } = await import("react-dom/server");
    removeDom();
    try {
      expect(renderToString(page)).toContain("Water the plants");
    } finally {
      removeDom = installDom();
    }
  });

  test("every code that it explains is one that there is", () => {
    const codes = Array.from(readChapter(PAGE, "Errors").matchAll(/^\| `(\w+)`/gm), ([, code]) => code as string);
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !(code in ERROR_CODES) && code !== "code")).toEqual([]);
  });
});
