import { type AnyRegistry, connect } from "@musubi/client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { eventually } from "./eventually.js";
import { FakeClock } from "./fake-clock.js";
import type { Fault } from "./fault-plan.js";
import { FaultyNetwork } from "./faulty-network.js";
import { ScriptedServer, type TestSocket } from "./scripted-server.js";

// Every kind of fault, through a real phoenix.js socket with the real client on top.

const ROOT = "Counter:a";
const logger = { warn: vi.fn(), error: vi.fn() };
let clock: FakeClock;
let network: FaultyNetwork;
let server: ScriptedServer;
let socket: TestSocket;
let count: number;
let client: Awaited<ReturnType<typeof mount>>;

/** Frames move with the network's clock, which stands still but for what is due now. */
async function until(condition: () => boolean, what?: string): Promise<void> {
  await eventually(() => {
    clock.advance(0);
    return condition();
  }, what);
}

async function pass(turns = 10): Promise<void> {
  let left = turns;
  await until(() => --left === 0);
}

async function mount() {
  const opening = connect<AnyRegistry>(socket, { clock, logger, random: () => 0 }).then(async (connection) => {
    const root = await connection.mountStore({ module: "Counter", id: "a" });
    return { connection, ...root };
  });
  let isOpen = false;
  void opening.then(() => (isOpen = true));
  await until(() => isOpen, "the client is there");
  return opening;
}

beforeEach(async () => {
  clock = new FakeClock();
  network = new FaultyNetwork({ clock });
  count = 0;
  server = new ScriptedServer().store("Counter", () => ({ count }));
  socket = server.createSocket({}, network);
  client = await mount();
});

afterEach(async () => {
  network.heal();
  await client.connection.disconnect();
  await pass();
  socket.disconnect();
  await pass();
  expect(logger.error).not.toHaveBeenCalled();
  expect([clock.pending, server.connections]).toEqual([0, 0]);
});

const shows = (): unknown => (client.store as unknown as { readonly count: number }).count;
const set = (value: number): void => {
  count = value;
  server.patch(ROOT, [{ op: "replace", path: "/count", value }]);
};
const mounts = (): number => server.messages("mount").length;

describe("faults that end a connection or its channel: the client comes back, and shows the server's state", () => {
  test.each<Fault>([{ kind: "cut" }, { kind: "crash" }, { kind: "close" }, { kind: "restart", ms: 500 }])(
    "$kind",
    async (fault) => {
      network.inject(fault);
      count = 7;
      await until(() => client.state.current.status === "stale", "the client notices");
      expect(shows()).toBe(0);
      clock.advance(500);
      await until(() => client.state.current.status === "live", "the client is back");
      expect(shows()).toBe(7);
      expect(mounts()).toBe(2);
    },
  );
});

test("half-open: a heartbeat without an answer ends it, and the client comes back", async () => {
  await client.connection.disconnect();
  await pass();
  socket.disconnect();
  socket = server.createSocket({ heartbeatIntervalMs: 100 }, network);
  client = await mount();
  network.inject({ kind: "half_open" });
  count = 7;
  server.push("patch", initial(ROOT));
  await until(() => client.state.current.status === "stale", "the client notices");
  expect(shows()).toBe(0);
  await until(() => client.state.current.status === "live", "the client is back");
  expect(shows()).toBe(7);
});

describe("faults of a connection that stays", () => {
  test("delay down: envelopes wait, then arrive in order", async () => {
    network.inject({ kind: "delay", way: "down", ms: 500 });
    const seen: unknown[] = [];
    client.store.subscribe(() => seen.push(shows()));
    set(1);
    set(2);
    clock.advance(499);
    await pass();
    expect(seen).toEqual([]);
    clock.advance(1);
    await until(() => seen.length === 2);
    expect(seen).toEqual([1, 2]);
  });

  test("delay up: pushes wait", async () => {
    network.inject({ kind: "delay", way: "up", ms: 500 });
    const command = client.store.dispatchCommand("touch" as never).catch((error: unknown) => error);
    await pass();
    expect(server.messages("command")).toEqual([]);
    clock.advance(500);
    await until(() => server.messages("command").length === 1);
    await expect(command).resolves.toMatchObject({ code: "unknown command" });
  });

  test.each([0, 1, 2])("duplicate after %i: nobody notices", async (after) => {
    const seen: unknown[] = [];
    client.store.subscribe(() => seen.push(shows()));
    network.inject({ kind: "duplicate", after });
    for (const value of [1, 2, 3, 4]) set(value);
    await until(() => shows() === 4);
    await pass();
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(mounts()).toBe(1);
  });

  test("drop: the next envelope shows the gap, and the root recovers", async () => {
    network.inject({ kind: "drop" });
    set(1);
    await pass();
    expect(shows()).toBe(0);
    set(2);
    await until(() => shows() === 2);
    expect([mounts(), server.messages("unmount").length]).toEqual([2, 1]);
  });

  test("refuse: what is open stays; what is cut comes back when it is over", async () => {
    network.inject({ kind: "refuse", ms: 500 });
    set(1);
    await until(() => shows() === 1);
    network.inject({ kind: "cut" });
    await until(() => client.state.current.status === "stale");
    await pass();
    expect(server.connections).toBe(0);
    clock.advance(500);
    await until(() => client.state.current.status === "live");
  });
});

function initial(rootId: string): object {
  const op = { op: "replace", path: "", value: { __musubi_store_id__: [], count: 9 } };
  return { type: "patch", root_id: rootId, base_version: 0, version: 1, ops: [op], stream_ops: [] };
}
