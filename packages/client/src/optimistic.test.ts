import {
  eventually,
  FakeClock,
  initialEnvelope,
  type ReceivedMessage,
  ScriptedServer,
  type TestSocket,
} from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AnyRegistry, type CommandOptions, connect, type Logger, type MusubiConnection } from "./index.js";

interface Row {
  readonly n: number;
}
interface State {
  readonly title: string;
  readonly rows: readonly Row[];
}
interface Proxy<S> {
  snapshot(): S | undefined;
  subscribe(listener: () => void): () => void;
  dispatchCommand(name: string, payload?: object, options?: CommandOptions): Promise<unknown>;
}

const ROOT = "List:1";
const logger = { warn: vi.fn(), error: vi.fn() } satisfies Logger;
let server: ScriptedServer;
let socket: TestSocket;
let clock: FakeClock;
let connection: MusubiConnection<AnyRegistry>;
let list: Proxy<State> & { readonly rows: readonly Proxy<Row>[]; readonly title: string };
let held: ReceivedMessage[];

const row = (id: string, n: number) => ({ __musubi_store_id__: [id], n });
const fields = { title: "one", rows: [row("a", 1), row("b", 2)] };

async function open(joinReply: object = {}): Promise<void> {
  server = new ScriptedServer().store("List", () => fields);
  server.joinReply = joinReply as never;
  held = [];
  server.intercept("command", (message) => held.push(message));
  socket = server.createSocket();
  connection = await connect<AnyRegistry>(socket, { clock, logger });
  list = (await connection.mountStore({ module: "List", id: "1" })).store as unknown as typeof list;
}

beforeEach(async () => {
  vi.clearAllMocks();
  clock = new FakeClock();
  await open();
});

afterEach(async () => {
  await connection.disconnect();
  socket.disconnect();
  expect(clock.pending).toBe(0);
});

const rename = (title: string, target: Proxy<State> = list) =>
  target.dispatchCommand("rename", { title }, { optimistic: (state) => ({ ...(state as State), title }) });
const reply = (index: number, status = "ok", response: object = {}) =>
  server.reply(held[index] as ReceivedMessage, status, response);
const title = () => list.snapshot()?.title;

describe("optimistic updates (client.md 15)", () => {
  test("shown at once, in the snapshot and to subscribers, before anything is sent back", async () => {
    const listener = vi.fn();
    list.subscribe(listener);
    const before = list.snapshot();
    const command = rename("two");
    expect(title()).toBe("two");
    expect(listener).toHaveBeenCalledTimes(1);
    expect(list.snapshot()?.rows[0]).toBe(before?.rows[0]);
    expect(list.snapshot()).toBe(list.snapshot());
    expect(list.title).toBe("one");
    await eventually(() => held.length === 1);
    reply(0);
    await command;
  });

  test("in every snapshot that contains the store", async () => {
    const [a, b] = list.rows as [Proxy<Row>, Proxy<Row>];
    const before = b.snapshot();
    const command = a.dispatchCommand("set", {}, { optimistic: (state) => ({ ...(state as Row), n: 10 }) });
    expect(a.snapshot()?.n).toBe(10);
    expect(list.snapshot()?.rows.map(({ n }) => n)).toEqual([10, 2]);
    expect(b.snapshot()).toBe(before);
    await eventually(() => held.length === 1);
    reply(0, "error", { reason: "no" });
    await expect(command).rejects.toMatchObject({ code: "no" });
    expect(list.snapshot()?.rows.map(({ n }) => n)).toEqual([1, 2]);
  });

  test("envelopes are applied underneath: rebase", async () => {
    const command = rename("mine");
    server.patch(ROOT, [{ op: "replace", path: "/rows/1/n", value: 5 }]);
    await eventually(() => list.snapshot()?.rows[1]?.n === 5);
    expect(title()).toBe("mine");
    server.patch(ROOT, [{ op: "replace", path: "/title", value: "theirs" }]);
    await eventually(() => list.title === "theirs");
    expect(title()).toBe("mine");
    reply(0, "error", {});
    await command.catch(() => {});
    expect(title()).toBe("theirs");
  });

  test("several stack up in order, each ends with its own command", async () => {
    const add = (suffix: string) =>
      list.dispatchCommand(
        "add",
        {},
        { optimistic: (state) => ({ ...(state as State), title: (state as State).title + suffix }) },
      );
    const [x, y] = [add("x"), add("y")];
    expect(title()).toBe("onexy");
    await eventually(() => held.length === 2);
    reply(0, "error", {});
    await x.catch(() => {});
    expect(title()).toBe("oney");
    reply(1, "error", {});
    await y.catch(() => {});
    expect(title()).toBe("one");
  });

  test("failure rolls back, whichever it is: error, timeout, abort, a drop", async () => {
    const controller = new AbortController();
    const options = { optimistic: () => ({ title: "gone" }) };
    const aborted = list.dispatchCommand("x", {}, { ...options, signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
    expect(title()).toBe("one");
    const late = list.dispatchCommand("x", {}, { ...options, timeoutMs: 5 });
    expect(title()).toBe("gone");
    clock.advance(5);
    await expect(late).rejects.toMatchObject({ kind: "timeout" });
    expect(title()).toBe("one");
    const dropped = list.dispatchCommand("x", {}, options);
    await eventually(() => held.length === 3);
    server.cut();
    await expect(dropped).rejects.toMatchObject({ kind: "interrupted" });
    expect(title()).toBe("one");
  });

  test("without `settled` it goes at the first envelope after the reply, in one notification", async () => {
    const command = rename("two");
    await eventually(() => held.length === 1);
    reply(0);
    await command;
    expect(title()).toBe("two");
    const seen: (string | undefined)[] = [];
    list.subscribe(() => seen.push(title()));
    server.patch(ROOT, [{ op: "replace", path: "/title", value: "two!" }]);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(["two!"]);
  });

  test("without `settled` it goes 200 ms after the reply when no envelope follows", async () => {
    const command = rename("two");
    await eventually(() => held.length === 1);
    reply(0);
    await command;
    clock.advance(199);
    expect(title()).toBe("two");
    clock.advance(1);
    expect(title()).toBe("one");
  });

  test("with `settled` it goes when the server says that the effects are there, not before", async () => {
    await connection.disconnect();
    await open({ session: { id: "s", token: "t" }, features: ["settled", "idempotent_commands"] });
    const command = rename("two");
    await eventually(() => held.length === 1);
    reply(0);
    await command;
    server.patch(ROOT, [{ op: "replace", path: "/rows/0/n", value: 9 }]);
    await eventually(() => list.snapshot()?.rows[0]?.n === 9);
    clock.advance(1_000);
    expect(title()).toBe("two");
    server.patch(ROOT, [{ op: "replace", path: "/title", value: "two!" }]);
    server.push("settled", { root_id: ROOT, command_id: 1, version: 3 });
    await eventually(() => title() === "two!");
  });

  test("with `settled` a root that is mounted anew keeps nothing that was answered", async () => {
    await connection.disconnect();
    await open({ session: { id: "s", token: "t" }, features: ["settled", "idempotent_commands"] });
    const command = rename("two");
    await eventually(() => held.length === 1);
    reply(0);
    await command;
    server.push("patch", initialEnvelope(ROOT, { ...fields, title: "fresh" }, {}));
    await eventually(() => title() === "fresh");
  });

  test("rule 15: `settled` of a version that is not there yet is awaited", async () => {
    await connection.disconnect();
    await open({ session: { id: "s", token: "t" }, features: ["settled", "idempotent_commands"] });
    const command = rename("two");
    await eventually(() => held.length === 1);
    reply(0);
    await command;
    server.push("settled", { root_id: ROOT, command_id: 1, version: 3 });
    server.patch(ROOT, [{ op: "replace", path: "/rows/0/n", value: 9 }]);
    await eventually(() => list.snapshot()?.rows[0]?.n === 9);
    expect(title()).toBe("two");
    server.patch(ROOT, [{ op: "replace", path: "/title", value: "two!" }]);
    await eventually(() => title() === "two!");
  });

  test("rule 15: where `settled` was lost with the join, it goes soon all the same", async () => {
    await connection.disconnect();
    const features = ["settled", "idempotent_commands", "resume"];
    await open({ session: { id: "s", token: "t" }, features });
    const command = rename("two");
    await eventually(() => held.length === 1);
    reply(0);
    await command;
    server.accepting = false;
    server.cut();
    await eventually(() => connection.status.current === "reconnecting");
    expect(title()).toBe("two");
    clock.advance(200);
    expect(title()).toBe("one");
  });

  test("rule 10: a restart in place tells once, with what it rolls back", async () => {
    const command = rename("two");
    const seen: (string | undefined)[] = [];
    list.subscribe(() => seen.push(title()));
    await eventually(() => held.length === 1);
    server.push("patch", initialEnvelope(ROOT, { ...fields, title: "fresh" }, {}));
    await expect(command).rejects.toMatchObject({ kind: "interrupted" });
    expect(seen).toEqual(["fresh"]);
  });

  test("rule 15: nothing is left over the state of a root that was given back", async () => {
    const command = rename("two");
    await eventually(() => held.length === 1);
    reply(0);
    await command;
    expect(title()).toBe("two");
    await connection.disconnect();
    expect(title()).toBe("one");
  });

  test("a command that cannot even be queued is never shown", async () => {
    server.accepting = false;
    server.cut();
    await eventually(() => connection.status.current === "reconnecting");
    const listener = vi.fn();
    list.subscribe(listener);
    const options = { optimistic: () => ({ title: "gone" }), whenOffline: "reject" } as const;
    await expect(list.dispatchCommand("x", {}, options)).rejects.toMatchObject({ code: "offline" });
    expect(listener).not.toHaveBeenCalled();
  });

  test("an update that throws is reported and left out", async () => {
    const command = list.dispatchCommand(
      "x",
      {},
      {
        optimistic: () => {
          throw new Error("mine");
        },
      },
    );
    expect(title()).toBe("one");
    expect(logger.error).toHaveBeenCalled();
    await eventually(() => held.length === 1);
    reply(0);
    await command;
  });
});
