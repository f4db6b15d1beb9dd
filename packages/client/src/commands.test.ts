import { eventually, FakeClock, ScriptedServer, type TestSocket } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type AnyRegistry,
  type CommandOptions,
  connect,
  type MountedStore,
  MusubiCommandError,
  type MusubiConnection,
} from "./index.js";

let server: ScriptedServer;
let socket: TestSocket;
let clock: FakeClock;
let connection: MusubiConnection<AnyRegistry>;
let mounted: MountedStore<string, AnyRegistry>;

beforeEach(async () => {
  clock = new FakeClock();
  server = new ScriptedServer()
    .store("Counter", (id) => ({ id, child: { __musubi_store_id__: ["c"], n: 1 } }))
    .command("echo", (payload, { storeId }) => ({ payload, storeId }))
    .command("fail", () => {
      throw new Error("not_today");
    });
  socket = server.createSocket();
  connection = await connect<AnyRegistry>(socket, { clock, random: () => 0.5 });
  mounted = await connection.mountStore({ module: "Counter", id: "a" });
});

afterEach(async () => {
  await connection.disconnect();
  socket.disconnect();
  expect(clock.pending).toBe(0);
});

const dispatch = (name: string, payload?: object, options?: CommandOptions): Promise<unknown> =>
  (mounted.store as unknown as Dispatcher).dispatchCommand(name, payload, options);
type Dispatcher = { dispatchCommand(name: string, payload?: object, options?: CommandOptions): Promise<unknown> };

const goOffline = async () => {
  server.accepting = false;
  server.cut();
  await eventually(() => mounted.state.current.status === "stale");
};
const sent = () => server.messages("command");

describe("commands", () => {
  test("client.md 14: a reply resolves; the store's id is echoed verbatim", async () => {
    await expect(dispatch("echo", { x: 1 })).resolves.toEqual({ payload: { x: 1 }, storeId: [] });
    const child = (mounted.store as unknown as { child: Dispatcher }).child;
    await expect(child.dispatchCommand("echo")).resolves.toEqual({ payload: {}, storeId: ["c"] });
    expect(sent()).toEqual([
      { root_id: "Counter:a", store_id: [], name: "echo", payload: { x: 1 } },
      { root_id: "Counter:a", store_id: ["c"], name: "echo", payload: {} },
    ]);
  });

  test("client.md 14: an error reply is failed, rejected, with the server's code and reply", async () => {
    const error: unknown = await dispatch("fail").catch((reason: unknown) => reason);
    expect(MusubiCommandError.is(error)).toBe(true);
    expect(error).toMatchObject({ kind: "failed", fate: "rejected", code: "not_today", command: "fail", storeId: [] });
    expect(error).toMatchObject({ reply: { reason: "not_today" } });
    await expect(dispatch("unheard-of")).rejects.toMatchObject({ code: "unknown command" });
  });

  test("client.md 14: no answer in time is a timeout, unknown; a later reply changes nothing", async () => {
    const held: (() => void)[] = [];
    server.intercept("command", (_message, proceed) => held.push(proceed));
    const command = dispatch("echo", {}, { timeoutMs: 500 });
    await eventually(() => held.length === 1);
    clock.advance(500);
    await expect(command).rejects.toMatchObject({ kind: "timeout", fate: "unknown", code: "command_timeout" });
    held[0]?.();
    await new Promise((resolve) => setTimeout(resolve, 3));
    await expect(command).rejects.toMatchObject({ kind: "timeout" });
  });

  test("client.md 14: the time counts from the dispatch, also while it waits: not_sent", async () => {
    await goOffline();
    const command = dispatch("echo");
    clock.advance(9_999);
    clock.advance(1);
    await expect(command).rejects.toMatchObject({ kind: "timeout", fate: "not_sent" });
  });

  test("client.md 14: offline commands queue, and go out in order after the rejoin", async () => {
    await goOffline();
    const commands = [1, 2, 3].map((n) => dispatch("echo", { n }));
    server.accepting = true;
    await expect(Promise.all(commands)).resolves.toHaveLength(3);
    expect(sent().map((payload) => (payload as { payload: unknown }).payload)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test("client.md 14: at most 100 wait; the next is queue_full, not_sent", async () => {
    await goOffline();
    const commands = Array.from({ length: 100 }, (_, n) => dispatch("echo", { n }));
    await expect(dispatch("echo")).rejects.toMatchObject({ kind: "interrupted", fate: "not_sent", code: "queue_full" });
    server.accepting = true;
    await expect(Promise.all(commands)).resolves.toHaveLength(100);
  });

  test('client.md 14: whenOffline "reject" fails at once, not_sent', async () => {
    await goOffline();
    const command = dispatch("echo", {}, { whenOffline: "reject" });
    await expect(command).rejects.toMatchObject({ kind: "interrupted", fate: "not_sent", code: "offline" });
    server.accepting = true;
    await eventually(() => mounted.state.current.status === "live");
    await expect(dispatch("echo", {}, { whenOffline: "reject" })).resolves.toBeDefined();
    expect(sent()).toHaveLength(1);
  });

  test("client.md 14: a drop interrupts what was sent: unknown", async () => {
    server.intercept("command", () => {});
    const command = dispatch("echo");
    await eventually(() => sent().length === 1);
    server.cut();
    await expect(command).rejects.toMatchObject({ kind: "interrupted", fate: "unknown", code: "interrupted" });
  });

  test("client.md 14: aborted before sending: not_sent, and never sent; after sending: unknown", async () => {
    await expect(dispatch("echo", {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ fate: "not_sent" });
    await goOffline();
    const waiting = new AbortController();
    const queued = dispatch("echo", {}, { signal: waiting.signal });
    waiting.abort();
    await expect(queued).rejects.toMatchObject({ kind: "interrupted", fate: "not_sent", code: "aborted" });
    server.accepting = true;
    await eventually(() => mounted.state.current.status === "live");
    expect(sent()).toHaveLength(0);
    server.intercept("command", () => {});
    const flying = new AbortController();
    const command = dispatch("echo", {}, { signal: flying.signal });
    await eventually(() => sent().length === 1);
    flying.abort();
    await expect(command).rejects.toMatchObject({ kind: "interrupted", fate: "unknown", code: "aborted" });
  });

  test("client.md 12: a store that has left rejects commands with store_gone", async () => {
    const child = (mounted.store as unknown as { child: Dispatcher & { n?: number } }).child;
    server.patch("Counter:a", [{ op: "remove", path: "/child" }]);
    await eventually(() => child.n === undefined);
    await expect(child.dispatchCommand("echo")).rejects.toMatchObject({ code: "store_gone", fate: "not_sent" });
    expect(sent()).toHaveLength(0);
  });

  test("client.md 14: unmounting ends them", async () => {
    server.intercept("command", () => {});
    const command = dispatch("echo");
    await eventually(() => sent().length === 1);
    await mounted.unmount();
    clock.advance(50);
    await expect(command).rejects.toMatchObject({ kind: "interrupted", fate: "unknown", code: "unmounted" });
    await expect(dispatch("echo")).rejects.toMatchObject({ code: "unmounted", fate: "not_sent" });
  });
});
