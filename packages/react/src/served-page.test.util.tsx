import { PassThrough } from "node:stream";
import { act } from "@testing-library/react";
import type { ReactElement, ReactNode } from "react";
import { hydrateRoot, type Root } from "react-dom/client";
import { renderToPipeableStream } from "react-dom/server";
import { vi } from "vitest";
import { createMusubi, type DehydratedState, dehydrate, type Musubi, type StoreProxy } from "./index.js";
import { App, asyncOf, type Stores, until } from "./musubi-app.test.util.js";

/** A page that a server renders and a browser hydrates, over an app whose rooms have a row, a log and an owner. */
export class ServedPage {
  readonly app: App = new App();
  readonly container: HTMLElement = document.body.appendChild(document.createElement("div"));
  /** What React could not hydrate. */
  readonly recovered: unknown[] = [];
  /** The hooks of whoever renders: server and client have a context of their own, as they have in two processes. */
  musubi: Musubi<Stores> = this.app.musubi;
  root: Root | undefined;
  readonly #shown: string[] = [];
  readonly #watcher = new MutationObserver(() => this.#note());

  constructor() {
    const insert = { op: "insert", stream: "log", store_id: [], item_key: "k1", at: -1, limit: null } as const;
    this.app.server.store(
      "Room",
      (id) => ({
        title: `room ${id}`,
        topic: null,
        rows: [{ __musubi_store_id__: ["rows", "0"], name: "row 0", votes: 0 }],
        log: { __musubi_stream__: "log" },
        owner: asyncOf("ok", "Ann"),
      }),
      () => ({ stream_ops: [{ ...insert, item: { text: "hi" } }] }),
    );
    this.#watcher.observe(this.container, { childList: true, characterData: true, subtree: true });
  }

  async end(): Promise<void> {
    this.#watcher.disconnect();
    act(() => this.root?.unmount());
    this.container.remove();
    await this.app.end();
  }

  get text(): string {
    return this.container.textContent ?? "";
  }

  /** What has been on screen, in order. */
  get screens(): readonly string[] {
    this.#note();
    return this.#shown;
  }

  async shows(expected: string): Promise<void> {
    await until(() => {
      if (this.text !== expected) throw new Error(`It shows "${this.text}", not "${expected}".`);
    });
  }

  /** Another title for the room "a". */
  rename(title: string): void {
    act(() => this.app.server.patch("Room:a", [{ op: "replace", path: "/title", value: title }]));
  }

  /** What the server's part of an app does before it renders: it mounts what the page needs, and hands the state over. */
  async load(...ids: string[]): Promise<DehydratedState> {
    const { app } = this;
    const connection = await app.musubi.connect(app.createSocket(), app.options);
    await Promise.all(ids.map((id) => connection.mountStore({ module: "Room", id })));
    const state = dehydrate(connection);
    await connection.disconnect();
    return JSON.parse(JSON.stringify(state)) as DehydratedState;
  }

  /** Renders as a server does: without a window. */
  async renderOnServer(tree: () => ReactNode): Promise<{ html: string; errors: unknown[] }> {
    vi.stubGlobal("window", undefined);
    this.musubi = createMusubi<Stores>();
    try {
      const node = tree();
      return await new Promise((resolve, reject) => {
        const errors: unknown[] = [];
        const stream = renderToPipeableStream(node, {
          onError: (error) => void errors.push(error),
          onShellError: reject,
          onAllReady: () => {
            const chunks: Buffer[] = [];
            const sink = new PassThrough();
            sink.on("data", (chunk: Buffer) => chunks.push(chunk));
            sink.on("end", () => resolve({ html: Buffer.concat(chunks).toString(), errors }));
            stream.pipe(sink);
          },
        });
      });
    } finally {
      vi.unstubAllGlobals();
      this.musubi = this.app.musubi;
    }
  }

  /** Puts a provider around. */
  provide(children: ReactNode, state?: DehydratedState, socket: App["socket"] | null = null): ReactElement {
    return (
      <this.musubi.MusubiProvider {...this.app.options} socket={socket} dehydratedState={state}>
        {children}
      </this.musubi.MusubiProvider>
    );
  }

  /** Hydrates the server's markup. */
  hydrate(html: string, node: ReactNode): void {
    this.container.innerHTML = html;
    act(() => {
      this.root = hydrateRoot(this.container, node, { onRecoverableError: (error) => this.recovered.push(error) });
    });
  }

  readonly Room = ({ id = "a" }: { readonly id?: string }): ReactElement => {
    const result = this.musubi.useMusubiRoot({ module: "Room", id });
    const status = this.musubi.useMusubiConnectionStatus();
    return (
      <main data-state={status.state}>
        {result.status === "ready" ? <this.Content store={result.store} /> : result.status}
      </main>
    );
  };

  readonly Content = ({ store }: { readonly store: StoreProxy<"Room", Stores> }): ReactElement => {
    const title = this.musubi.useMusubiSnapshot(store, (room) => room.title);
    const rows = this.musubi.useMusubiSnapshot(store, (_, proxy) => proxy.rows);
    const { items, keys } = this.musubi.useMusubiStream(store, (room) => room.log);
    const log = items.map((item, at) => `${keys[at]}=${item.text}`).join();
    return <p>{`${title}: ${rows.map((row) => row.name).join()} ${log}`}</p>;
  };

  readonly SuspendingRoom = (): ReactElement => {
    const store = this.musubi.useMusubiRootSuspense({ module: "Room", id: "a" });
    const { data } = this.musubi.useMusubiAsync(store, (room) => room.owner);
    const title = this.musubi.useMusubiSnapshotSuspense(store, (room) => room.title);
    return <p>{`${title} of ${data}`}</p>;
  };

  #note(): void {
    if (this.#shown.at(-1) !== this.text) this.#shown.push(this.text);
  }
}
