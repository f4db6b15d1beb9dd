import { ERROR_CODES, type JsonValue } from "@musubi/protocol";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { gate, StoreServer, turns } from "./store-client.test.util.js";

const Counter = defineStore("Test.Counter", {
  params: v.object({ from: v.optional(v.number(), 0) }),
  mount: (_ctx, { from }) => ({ count: from }),
  render: ({ count }) => ({ count }),
  commands: {
    add: command(v.object({ by: v.number() }), (ctx, { by }) => {
      ctx.assign({ count: ctx.assigns.count + by });
      return { was: ctx.assigns.count - by };
    }),
    nothing: command(() => {}),
  },
});

describe("joining", () => {
  test("protocol.md 2: the join names the features that are there, and no session", async () => {
    const client = await new StoreServer([Counter]).connect();
    expect(client.received).toEqual([
      { kind: "reply", to: "1", status: "ok", response: { features: ["root_down", "events", "store_events"] } },
    ]);
  });
});

describe("mount and unmount", () => {
  test("protocol.md 3: the reply comes first, then one envelope from 0 to 1 that replaces the root", async () => {
    const client = await new StoreServer([Counter]).connect();
    await client.mount("Test.Counter", "a", { from: 3 });
    expect(client.received.slice(1)).toEqual([
      { kind: "reply", to: "2", status: "ok", response: { root_id: "Test.Counter:a" } },
      {
        kind: "push",
        event: "patch",
        payload: {
          type: "patch",
          root_id: "Test.Counter:a",
          base_version: 0,
          version: 1,
          ops: [{ op: "replace", path: "", value: { __musubi_store_id__: [], count: 3 } }],
          stream_ops: [],
        },
      },
    ]);
  });

  test("protocol.md 2: a pair that is held or mounting is already_mounted; another id or module is not", async () => {
    const open = gate();
    const Slow = defineStore("Test.Slow", { mount: () => open.promise.then(() => ({})), render: () => ({}) });
    const client = await new StoreServer([Counter, Slow]).connect();
    await client.mount("Test.Counter", "a");
    const refusal = { status: "error", response: { reason: "already_mounted", code: "already_mounted" } };
    expect(await client.push("mount", { module: "Test.Counter", id: "a", params: {} })).toEqual({
      ...refusal,
      response: { ...refusal.response, root_id: "Test.Counter:a" },
    });
    const slow = client.push("mount", { module: "Test.Slow", id: "a", params: {} });
    expect((await client.push("mount", { module: "Test.Slow", id: "a", params: {} })).response).toMatchObject({
      reason: "already_mounted",
      root_id: "Test.Slow:a",
    });
    open.open();
    expect((await slow).status).toBe("ok");
    expect(await client.mount("Test.Counter", "b")).toBe("Test.Counter:b");
  });

  test("protocol.md 2: after the reply to unmount nothing is sent; the pair can be mounted again", async () => {
    const server = new StoreServer([Counter]);
    const client = await server.connect();
    const root = await client.mount("Test.Counter");
    const adds = [client.command(root, "add", { by: 1 }), client.command(root, "add", { by: 1 })];
    expect(await client.push("unmount", { root_id: root })).toEqual({ status: "ok", response: {} });
    const length = client.received.length;
    await turns();
    expect(client.received).toHaveLength(length);
    expect(await Promise.all(adds)).toEqual([
      { status: "error", response: { reason: "unmounted", code: "unmounted" } },
      { status: "error", response: { reason: "unmounted", code: "unmounted" } },
    ]);
    await client.mount("Test.Counter");
    expect(client.roots.get(root)).toMatchObject({ version: 1, tree: { count: 0 } });
  });

  test("a mount that is still running is aborted by unmount, answered, and lets go when it ends late", async () => {
    const open = gate();
    const seen: unknown[] = [];
    const Slow = defineStore("Test.Slow", {
      mount: async (ctx) => {
        ctx.signal.addEventListener("abort", () => seen.push("aborted"));
        await open.promise;
        return { handle: 7 };
      },
      render: () => ({}),
      terminate: (ctx, reason) => void seen.push([reason, ctx.assigns.handle]),
    });
    const server = new StoreServer([Slow]);
    const client = await server.connect();
    const mounting = client.push("mount", { module: "Test.Slow", id: "1", params: {} });
    await turns();
    expect((await client.push("unmount", { root_id: "Test.Slow:1" })).status).toBe("ok");
    expect(await mounting).toEqual({ status: "error", response: { reason: "unmounted", code: "unmounted" } });
    expect(seen).toEqual(["aborted"]);
    open.open();
    await turns();
    expect(seen).toEqual(["aborted", ["discarded", 7]]);
    expect(client.envelopes).toEqual([]);
    expect(server.registry.inspect()).toEqual([]);
  });

  test("a drop ends every root of the connection, running mounts included, and no other's", async () => {
    const seen: unknown[] = [];
    const Watched = defineStore("Test.Watched", {
      mount: async (ctx) => {
        ctx.signal.addEventListener("abort", () => seen.push(`aborted ${ctx.id}`));
        if (ctx.id === "slow") await gate().promise;
        return {};
      },
      render: () => ({}),
      terminate: (ctx, reason) => void seen.push(`${reason} ${ctx.id}`),
    });
    const server = new StoreServer([Watched]);
    const [client, other] = [await server.connect(), await server.connect()];
    await client.mount("Test.Watched", "live");
    await other.mount("Test.Watched", "other");
    void client.push("mount", { module: "Test.Watched", id: "slow", params: {} });
    await turns();
    await client.drop();
    await turns();
    expect(new Set(seen)).toEqual(new Set(["aborted slow", "disconnect live"]));
    expect(server.registry.inspect().map(({ id }) => id)).toEqual(["other"]);
    await server.registry.close(server.clock, 1_000);
    expect(seen).toContain("shutdown other");
  });

  test("a server holds no more roots than it may, and tells to try again", async () => {
    const server = new StoreServer([Counter], { maxTotalRoots: 2 });
    const [one, other] = [await server.connect(), await server.connect()];
    const first = await one.mount("Test.Counter", "1");
    await other.mount("Test.Counter", "1");
    const mount = { module: "Test.Counter", id: "2", params: {} };
    expect((await other.push("mount", mount)).response).toEqual({ reason: "overloaded", code: "overloaded" });
    await one.push("unmount", { root_id: first });
    await turns();
    expect((await other.push("mount", mount)).status).toBe("ok");
    await one.drop();
    await other.drop();
    expect(server.registry.size).toBe(0);
  });

  test("roots that are released and still terminate count: no client mounts faster than its stores let go", async () => {
    const end = gate();
    const Clinging = defineStore("Test.Clinging", {
      mount: () => ({}),
      render: () => ({}),
      terminate: () => end.promise,
    });
    const server = new StoreServer([Clinging], { maxRoots: 2 });
    const client = await server.connect();
    for (const id of ["1", "2", "3", "4"]) {
      await client.push("unmount", { root_id: await client.mount("Test.Clinging", id) });
    }
    expect(server.registry.size).toBe(4);
    const mount = { module: "Test.Clinging", id: "5", params: {} };
    expect((await client.push("mount", mount)).response["code"]).toBe("too_many_roots");
    end.open();
    await turns();
    expect((await client.push("mount", mount)).status).toBe("ok");
    expect(server.registry.size).toBe(1);
  });

  test("params that are larger than a root may keep are refused", async () => {
    const client = await new StoreServer([Counter], { maxParamsBytes: 1_000 }).connect();
    const mount = (params: JsonValue) => client.push("mount", { module: "Test.Counter", id: "1", params });
    const rows = Array.from({ length: 300 }, (_, at) => ({ at }));
    for (const params of [{ text: "x".repeat(1_000) }, { rows }, rows]) {
      expect((await mount(params)).response).toEqual({ reason: "too_large", code: "too_large" });
    }
    expect((await mount({ text: "x".repeat(900) })).status).toBe("ok");
  });

  test("commands that wait for their roots are bounded in bytes, over all roots of a socket", async () => {
    const free = gate();
    const Slow = defineStore("Test.SlowCommand", {
      mount: () => ({}),
      render: () => ({}),
      commands: { wait: command(async () => free.promise) },
    });
    const client = await new StoreServer([Slow]).connect();
    const roots = [await client.mount("Test.SlowCommand", "1"), await client.mount("Test.SlowCommand", "2")];
    const text = "x".repeat(1024 * 1024);
    const replies = Array.from({ length: 30 }, (_, at) => client.command(roots[at % 2] ?? "", "wait", { text }));
    await turns();
    const refused = client.received.filter((each) => each.kind === "reply" && each.status === "error");
    // 16 MiB by default.
    expect(refused.length).toBe(15);
    expect(refused[0]).toMatchObject({ response: { reason: "overloaded" } });
    free.open();
    await Promise.all(replies);
    expect((await client.command(roots[0] ?? "", "wait", { text })).status).toBe("ok");
  });

  test("a connection holds no more roots than it may", async () => {
    const client = await new StoreServer([Counter], { maxRoots: 2 }).connect();
    const first = await client.mount("Test.Counter", "1");
    await client.mount("Test.Counter", "2");
    const third = await client.push("mount", { module: "Test.Counter", id: "3", params: {} });
    expect(third).toEqual({ status: "error", response: { reason: "too_many_roots", code: "too_many_roots" } });
    await client.push("unmount", { root_id: first });
    expect(await client.mount("Test.Counter", "3")).toBe("Test.Counter:3");
  });

  test("a mount that is refused, throws or gets wrong params leaves nothing behind, and can be tried again", async () => {
    let attempt = 0;
    const Picky = defineStore("Test.Picky", {
      params: v.object({ key: v.string() }),
      mount: (ctx) => {
        attempt += 1;
        if (attempt === 1) ctx.refuse("not_yours", { owner: "somebody" });
        if (attempt === 2) throw new Error("connection string: secret");
        return {};
      },
      render: () => ({}),
    });
    const server = new StoreServer([Picky]);
    const client = await server.connect();
    const mount = (params: object) => client.push("mount", { module: "Test.Picky", id: "1", params });
    expect(await mount({ key: 5 })).toMatchObject({
      status: "error",
      response: { reason: "invalid_params", code: "invalid_params", issues: [{ path: ["key"] }] },
    });
    expect(await mount({ key: "k" })).toEqual({
      status: "error",
      response: { reason: "not_yours", owner: "somebody" },
    });
    expect(await mount({ key: "k" })).toEqual({ status: "error", response: { reason: "internal", code: "internal" } });
    expect(server.log.causes).toEqual(["connection string: secret"]);
    expect(server.registry.inspect()).toEqual([]);
    expect((await mount({ key: "k" })).status).toBe("ok");
  });
});

describe("input at the door", () => {
  const refusal = (code: string): unknown => ({ status: "error", response: { reason: code, code } });

  test.each([
    ["mount", { module: "Test.Nowhere", id: "1", params: {} }, "unknown_module"],
    ["mount", { module: "__proto__", id: "1", params: {} }, "unknown_module"],
    ["mount", { module: "Test.Counter", id: 1, params: {} }, "malformed_message"],
    ["mount", { module: "Test.Counter", id: "", params: {} }, "malformed_message"],
    ["mount", { module: "Test.Counter", id: "x".repeat(1025), params: {} }, "malformed_message"],
    ["mount", null, "malformed_message"],
    ["mount", [], "malformed_message"],
    ["unmount", { root_id: "Test.Counter:2" }, "unknown_root"],
    ["unmount", "Test.Counter:1", "malformed_message"],
    ["command", { root_id: "Test.Counter:2", store_id: [], name: "add", payload: {} }, "unknown_root"],
    ["command", { root_id: "Test.Counter:1", store_id: ["x"], name: "add", payload: {} }, "unknown_store"],
    ["command", { root_id: "Test.Counter:1", store_id: [], name: "sub", payload: {} }, "unknown_command"],
    ["command", { root_id: "Test.Counter:1", store_id: [], name: "constructor", payload: {} }, "unknown_command"],
    ["command", { root_id: "Test.Counter:1", store_id: [1], name: "add", payload: {} }, "malformed_message"],
    ["command", { root_id: "Test.Counter:1", store_id: [], payload: {} }, "malformed_message"],
    ["command", 7, "malformed_message"],
    ["no_such_event", {}, "unknown_event"],
    ["allow_upload", {}, "malformed_message"],
    ["cancel_upload", { root_id: "nobody", store_id: [], name: "a", ref: "1" }, "unknown_root"],
    ["toString", {}, "unknown_event"],
    [null as never, {}, "unknown_event"],
    [["mount"] as never, {}, "unknown_event"],
  ])("%s %j is answered %s, and the channel lives", async (event, payload, code) => {
    const client = await new StoreServer([Counter]).connect();
    await client.mount("Test.Counter");
    expect(await client.push(event, payload)).toEqual(refusal(code));
    expect((await client.command("Test.Counter:1", "add", { by: 1 })).response).toEqual({ was: 0 });
  });

  test("a payload that does not pass its schema is answered with the issues, and its handler never runs", async () => {
    const client = await new StoreServer([Counter]).connect();
    const root = await client.mount("Test.Counter");
    expect(await client.command(root, "add", { by: "1" })).toMatchObject({
      status: "error",
      response: { reason: "invalid_payload", code: "invalid_payload", issues: [{ path: ["by"] }] },
    });
    expect(client.tree(root)).toMatchObject({ count: 0 });
  });

  test("a large payload that is wrong throughout gets a small answer", async () => {
    const Sum = defineStore("Test.Sum", {
      mount: () => ({}),
      render: () => ({}),
      commands: { sum: command(v.array(v.number()), () => ({})) },
    });
    const client = await new StoreServer([Sum]).connect();
    const root = await client.mount("Test.Sum");
    const wrong = await client.command(
      root,
      "sum",
      Array.from({ length: 5_000 }, () => "x"),
    );
    expect(wrong.response["issues"]).toHaveLength(20);
    // The schema repeats what it got.
    const long = await client.command(root, "sum", ["x".repeat(100_000)]);
    expect(JSON.stringify(long.response).length).toBeLessThan(1_000);
  });

  test("random messages: each gets one answer, errors carry a code of ours, and nothing is logged", async () => {
    const seed = Number(process.env["MUSUBI_SEED"] ?? Date.now() % 1_000_000);
    let state = (seed % 2_147_483_646) + 1;
    const below = (limit: number): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state % limit;
    };
    const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
    const leaf = (): JsonValue =>
      pick<JsonValue>([null, true, -1, 1e308, "", "a", "__proto__", "Test.Counter", "Test.Counter:a", "add", [], {}]);
    const value = (depth: number): JsonValue => {
      if (depth === 0 || below(3) === 0) return leaf();
      if (below(2) === 0) return Array.from({ length: below(4) }, () => value(depth - 1));
      const keys = [
        "module",
        "id",
        "params",
        "root_id",
        "store_id",
        "name",
        "payload",
        "by",
        "__proto__",
        "constructor",
      ];
      const members = Array.from(
        { length: below(6) },
        () => `${JSON.stringify(pick(keys))}:${JSON.stringify(value(depth - 1))}`,
      );
      return JSON.parse(`{${members.join()}}`) as JsonValue;
    };
    const server = new StoreServer([Counter]);
    const client = await server.connect();
    for (let round = 0; round < 800; round++) {
      const event = pick(["mount", "unmount", "command", "allow_upload", "constructor", "x"]);
      const { status, response } = await client.push(event, value(3));
      if (status === "error") expect(ERROR_CODES, `seed ${seed}`).toHaveProperty([response["code"] as string]);
    }
    expect(server.log.entries, `seed ${seed}`).toEqual([]);
    const answers = client.received.filter(({ kind }) => kind === "reply");
    expect(answers, `seed ${seed}`).toHaveLength(801);
  });

  test("an asynchronous schema is awaited", async () => {
    const Checked = defineStore("Test.Checked", {
      mount: () => ({ name: "" }),
      render: ({ name }) => ({ name }),
      commands: {
        rename: command(
          v.objectAsync({
            name: v.pipeAsync(
              v.string(),
              v.checkAsync(async (name) => name !== "taken", "is taken"),
            ),
          }),
          (ctx, { name }) => ctx.assign({ name }),
        ),
      },
    });
    const client = await new StoreServer([Checked]).connect();
    const root = await client.mount("Test.Checked");
    expect((await client.command(root, "rename", { name: "taken" })).response).toMatchObject({
      code: "invalid_payload",
      issues: [{ message: "is taken", path: ["name"] }],
    });
    await client.command(root, "rename", { name: "free" });
    await turns();
    expect(client.tree(root)).toMatchObject({ name: "free" });
  });
});
