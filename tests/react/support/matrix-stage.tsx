import { createMusubi, type Musubi, type StoreDef } from "@musubi/react";
import { eventually, FakeClock, type TestSocket } from "@musubi/testing";
import { Component, Profiler, type ReactElement, type ReactNode, StrictMode, useEffect } from "react";
import { createRoot, type Root } from "react-dom/client";
import { expect, vi } from "vitest";
import type { MatrixCell } from "./matrix-cell.js";
import { type ServerKind, WireServer } from "./wire-server.js";

/** The stores of the matrix. */
export interface MatrixStores {
  Room: StoreDef<{ title: string }, object, object, { page?: number }>;
}

/** The grace of the provider, in milliseconds of the stage's clock. */
export const GRACE_MS = 50;
/** More than a root is held for that a render asked for and no commit claimed. */
const UNCLAIMED_MS = 6_000;

/**
 * A page with a provider on it, a server that counts, and React left to itself: no `act`, which would gather what an
 * app commits separately. Musubi's clock stands still until `advance`.
 */
export class MatrixStage {
  readonly server: WireServer;
  readonly musubi: Musubi<MatrixStores> = createMusubi<MatrixStores>();
  readonly #clock = new FakeClock();
  readonly #container = document.body.appendChild(document.createElement("div"));
  readonly #root: Root = createRoot(this.#container);
  readonly #socket: TestSocket;
  readonly #strict: boolean;
  readonly #complaints = vi.spyOn(console, "error").mockImplementation(() => {});
  readonly #logger = { warn: vi.fn(), error: vi.fn() };
  #fallbacks = 0;
  #renders = 0;
  #effects = 0;
  #mayComplain = false;

  constructor(kind: ServerKind, strict: boolean) {
    this.server = new WireServer(kind);
    this.#strict = strict;
    this.#socket = this.server.createSocket();
  }

  /** What is shown while there is nothing to show yet. */
  readonly Fallback = (): ReactElement => (
    <Profiler id="fallback" onRender={(_id, phase) => (this.#fallbacks += phase === "mount" ? 1 : 0)}>
      <p>loading</p>
    </Profiler>
  );

  /** Counts the commits of what is within. */
  readonly Counted = ({ children }: { readonly children: ReactNode }): ReactElement => (
    <Profiler id="view" onRender={() => this.#renders++}>
      {children}
    </Profiler>
  );

  /** Shows what was thrown below it, until it is reset. */
  readonly Boundary = ({ children }: { readonly children: ReactNode }): ReactElement => {
    this.#mayComplain = true;
    window.addEventListener("error", preventDefault);
    return <Boundary>{children}</Boundary>;
  };

  /** Shows this below the provider, in place of what was there. */
  show(children: ReactNode): void {
    const tree = (
      <this.musubi.MusubiProvider
        socket={this.#socket}
        clock={this.#clock}
        logger={this.#logger}
        random={half}
        unmountGraceMs={GRACE_MS}
      >
        <Probe onEffect={() => void this.#effects++} />
        {children}
      </this.musubi.MusubiProvider>
    );
    this.#root.render(this.#strict ? <StrictMode>{tree}</StrictMode> : tree);
  }

  /** Resolves when the page shows this and nothing else. */
  async shows(text: string): Promise<void> {
    await eventually(() => visibleText(this.#container) === text, `"${text}" on screen`, 10_000).catch((error) => {
      throw new Error(`${String(error)}: it shows "${visibleText(this.#container)}"`);
    });
  }

  click(): void {
    this.#container.querySelector("button")?.click();
  }

  /** Musubi's time goes on once React's effects have run, and what comes of it arrives. */
  async advance(byMs: number): Promise<void> {
    await turns();
    this.#clock.advance(byMs);
    await turns();
  }

  /** Takes all components off the screen, waits for all graces, and tells what was counted. */
  async finish(): Promise<MatrixCell> {
    await this.advance(GRACE_MS);
    this.show(null);
    await this.shows("");
    // An unmount may wait for the answer to a mount, and a grace for its end: a few of them in turn.
    for (let time = 0; time < 3; time++) await this.advance(UNCLAIMED_MS);
    const { fallbacks, renders } = { fallbacks: this.#fallbacks, renders: this.#renders };
    const cell = { ...this.server.counts, fallbacks, renders, leaked: this.server.roots.length };
    await this.#end();
    return cell;
  }

  async #end(): Promise<void> {
    this.#root.unmount();
    await this.advance(UNCLAIMED_MS);
    this.#socket.disconnect();
    await eventually(() => this.server.connections === 0, "the end of the connection");
    this.#container.remove();
    window.removeEventListener("error", preventDefault);
    const complaints = this.#complaints.mock.calls.slice();
    this.#complaints.mockRestore();
    expect(this.#clock.pending, "timers left behind").toBe(0);
    expect(this.#effects, "StrictMode runs effects twice").toBe(this.#strict ? 2 : 1);
    if (!this.#mayComplain) expect(complaints).toEqual([]);
    expect([this.#logger.warn.mock.calls, this.#logger.error.mock.calls]).toEqual([[], []]);
  }
}

/** Tells how often React runs the effect of a component that is there from the first commit to the last. */
function Probe({ onEffect }: { readonly onEffect: () => void }): null {
  useEffect(() => onEffect(), []);
  return null;
}

class Boundary extends Component<{ readonly children: ReactNode }, { readonly error: Error | undefined }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  readonly #reset = (): void => {
    const { error } = this.state;
    (error as { readonly retry?: () => void } | undefined)?.retry?.();
    this.setState({ error: undefined });
  };

  override render(): ReactNode {
    return this.state.error === undefined ? this.props.children : <button onClick={this.#reset}>failed</button>;
  }
}

/** The text on screen: React hides what is suspended or not active by its style. */
function visibleText(node: Node): string {
  if (node instanceof HTMLElement && node.style.display === "none") return "";
  if (node.nodeType === Node.TEXT_NODE) return node.textContent ?? "";
  return Array.from(node.childNodes, visibleText).join("");
}

/** Some turns of the event loop: the transport takes microtasks and React's scheduler a few turns. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Keeps an error that a boundary takes off the test's output. */
const preventDefault = (event: Event): void => event.preventDefault();
const half = (): number => 0.5;
