import { FakeClock, ScriptedServer, type TestSocket } from "@musubi/testing";
import { act, cleanup, type RenderResult, render, waitFor } from "@testing-library/react";
import { type ReactNode, StrictMode } from "react";
import { expect, vi } from "vitest";
import {
  type AsyncField,
  type CommandDef,
  type ConnectOptions,
  createMusubi,
  type Musubi,
  type StoreDef,
  type StoreField,
  type StreamField,
  type UploadField,
} from "./index.js";

/** What the scripted server of these tests serves. */
export interface Stores {
  Room: StoreDef<
    {
      title: string;
      topic: string | null;
      rows: StoreField<"Row">[];
      log: StreamField<{ text: string }>;
      owner: AsyncField<string | null, string>;
      photos: UploadField;
    },
    {
      rename: CommandDef<{ title: string }, { renamed: string }>;
      clear: CommandDef<undefined, Record<string, never>>;
    },
    { said: { text: string }; left: { name: string } },
    { filter?: string; page?: number }
  >;
  Row: StoreDef<{ name: string; votes: number }, { vote: CommandDef<{ by: number }, { votes: number }> }>;
}

/** The grace of the connections in these tests, in milliseconds of the fake clock. */
export const GRACE_MS = 50;

/** A scripted server, a real phoenix.js socket to it, and the hooks over it, on a clock that stands still. */
export class App {
  readonly server: ScriptedServer = new ScriptedServer();
  readonly clock: FakeClock = new FakeClock();
  readonly logger = { warn: vi.fn(), error: vi.fn() };
  readonly musubi: Musubi<Stores> = createMusubi<Stores>();
  readonly consoleError = vi.spyOn(console, "error");
  readonly #sockets: TestSocket[] = [];
  readonly socket: TestSocket;
  /** What the provider connects with. */
  readonly options: ConnectOptions;

  constructor() {
    this.options = { clock: this.clock, logger: this.logger, random: () => 0.5, unmountGraceMs: GRACE_MS };
    this.server.store("Room", (id, params) => ({
      title: `room ${id}${JSON.stringify(params) === "{}" ? "" : ` ${JSON.stringify(params)}`}`,
      topic: null,
      rows: rowsOf(2),
      log: { __musubi_stream__: "log" },
      owner: asyncOf("ok", "Ann"),
      photos: { __musubi_upload__: "photos" },
    }));
    this.socket = this.createSocket();
  }

  /** Another socket to the server, ended with the test. */
  createSocket(): TestSocket {
    const socket = this.server.createSocket();
    this.#sockets.push(socket);
    return socket;
  }

  /** Renders below a provider over the app's socket. */
  render(children: ReactNode, { strict = false } = {}): Rendered {
    const wrap = (node: ReactNode): ReactNode => {
      const tree = (
        <this.musubi.MusubiProvider socket={this.socket} {...this.options}>
          {node}
        </this.musubi.MusubiProvider>
      );
      return strict ? <StrictMode>{tree}</StrictMode> : tree;
    };
    const result = render(wrap(children));
    return { ...result, show: (node) => result.rerender(wrap(node)) };
  }

  /** How many messages of an event have come. */
  count(event: string): number {
    return this.server.messages(event).length;
  }

  /** Runs what waits for the clock, such as the end of a grace, and lets React show it. */
  advance(byMs: number): void {
    act(() => this.clock.advance(byMs));
  }

  /** Lets all that is under way arrive and show: the transport takes microtasks, so a few turns are plenty. */
  async settle(): Promise<void> {
    await act(async () => {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    });
  }

  /** Ends the test: nothing may be left behind, and React may not have complained. */
  async end(): Promise<void> {
    cleanup();
    this.advance(2_000);
    await this.settle();
    this.advance(20_000);
    const complaints = this.consoleError.mock.calls.slice();
    this.consoleError.mockRestore();
    for (const socket of this.#sockets) socket.disconnect();
    expect(this.clock.pending, "timers left behind").toBe(0);
    expect(this.logger.error).not.toHaveBeenCalled();
    expect(complaints).toEqual([]);
  }
}

/** A rendered tree whose content below the provider can be replaced. */
export interface Rendered extends RenderResult {
  readonly show: (children: ReactNode) => void;
}

/** An async value on the wire. */
export function asyncOf(status: "loading" | "ok" | "failed", result: unknown = null, reason: unknown = null): object {
  return { __musubi_async__: true, status, result, reason };
}

/** Rows of a room, as the server renders them. */
export function rowsOf(count: number): object[] {
  return Array.from({ length: count }, (_, index) => ({
    __musubi_store_id__: ["rows", String(index)],
    name: `row ${index}`,
    votes: 0,
  }));
}

/** Waits for `check` to pass, with React at work in between. */
export async function until(check: () => void): Promise<void> {
  await waitFor(check, { interval: 1, timeout: 15_000 });
}
