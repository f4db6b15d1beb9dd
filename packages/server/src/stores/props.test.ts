import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { child, stream } from "./placeholders.js";
import { type } from "./schema.js";
import { StoreServer, turns } from "./store-client.test.util.js";

describe("props", () => {
  const Checked = defineStore("Test.Checked", {
    params: v.object({ n: v.pipe(v.number(), v.maxValue(9)), unit: v.optional(v.string(), "kg") }),
    mount: (_ctx, { n }) => ({ first: n }),
    render: ({ first }, { params }) => ({ first, n: params.n, unit: params.unit }),
  });
  const Scale = defineStore("Test.Scale", {
    mount: () => ({ n: 1 }),
    render: ({ n }) => ({ pan: child(Checked, { id: "pan", n }) }),
    commands: { put: command(v.object({ n: v.number() }), (ctx, { n }) => ctx.assign({ n })) },
  });

  test("go through the child's schema at its mount and at each change; its state stays", async () => {
    const server = new StoreServer([Scale]);
    const client = await server.connect();
    const root = await client.mount("Test.Scale");
    expect(client.tree(root)).toMatchObject({ pan: { first: 1, n: 1, unit: "kg" } });
    await client.command(root, "put", { n: 5 });
    await turns();
    expect(client.tree(root)).toMatchObject({ pan: { first: 1, n: 5, unit: "kg" } });
    const refused = await client.command(root, "put", { n: 10 });
    expect(refused.response).toEqual({ reason: "internal", code: "internal" });
    expect(server.log.causes[0]).toContain('the props of Test.Checked ["pan"] did not pass its schema at n');
    expect(client.tree(root)).toMatchObject({ pan: { n: 5 } });
  });

  test("one that comes, goes, or is there as undefined is a change like any other; the order of props is none", async () => {
    const seen: string[] = [];
    const Open = defineStore("Test.Open", {
      params: type<{ a?: number | undefined; b?: number | undefined }>(),
      mount: () => ({}),
      render: (_assigns, { params }) => {
        const { id: _id, ...props } = params as typeof params & { readonly id: string };
        seen.push(Object.keys(props).join());
        return props;
      },
    });
    let props: object = {};
    const Giver = defineStore("Test.Giver", {
      mount: () => ({ n: 0 }),
      render: ({ n }) => ({ n, kid: child(Open, { ...props, id: "kid" }) }),
      commands: { go: command((ctx) => ctx.assign({ n: ctx.assigns.n + 1 })) },
    });
    const client = await new StoreServer([Giver]).connect();
    const root = await client.mount("Test.Giver");
    for (props of [
      { a: 1 },
      { a: 1, b: 2 },
      { b: 2, a: 1 },
      { b: 2 },
      { b: 2, a: undefined },
      { b: 2, a: undefined },
    ]) {
      await client.command(root, "go");
    }
    for (props of [{ a: undefined }, { b: undefined }, {}]) await client.command(root, "go");
    expect(seen).toEqual(["", "a", "a,b", "b", "b,a", "a", "b", ""]);
  });

  test("another store in the place of a child is a new one; streams of the same name start empty", async () => {
    const define = (module: string) =>
      defineStore(module, {
        streams: { log: { key: (item: { id: string }) => item.id } },
        mount: (ctx) => {
          ctx.stream("log").insert({ id: module });
          return {};
        },
        render: () => ({ log: stream("log") }),
      });
    const [A, B] = [define("Test.A"), define("Test.B")];
    const Switch = defineStore("Test.Switch", {
      mount: () => ({ b: false }),
      render: ({ b }) => ({ side: child(b ? B : A, { id: "side" }) }),
      commands: { flip: command((ctx) => ctx.assign({ b: !ctx.assigns.b })) },
    });
    const client = await new StoreServer([Switch]).connect();
    const root = await client.mount("Test.Switch");
    expect(client.items(root, "log", ["side"])).toEqual([{ id: "Test.A" }]);
    await client.command(root, "flip");
    await turns();
    expect(client.envelopes.at(-1)?.stream_ops.map(({ op }) => op)).toEqual(["reset", "insert"]);
    expect(client.items(root, "log", ["side"])).toEqual([{ id: "Test.B" }]);
  });
});

describe("callbacks", () => {
  test("one keeps its identity while it is a prop, and is forgotten with it, whatever names there are", async () => {
    const held: Record<string, unknown>[] = [];
    const Leaf = defineStore("Test.Leaf", {
      params: type<Record<string, unknown>>(),
      mount: () => ({}),
      render: (_assigns, { params }) => {
        held.push(params);
        return {};
      },
    });
    const Parent = defineStore("Test.Parent", {
      mount: () => ({ names: ["a"] as readonly string[], n: 0 }),
      render: ({ names, n }, { callback }) => {
        const callbacks = names.map((name) => [name, callback(() => {})]);
        return { leaf: child(Leaf, { id: "leaf", n, ...(Object.fromEntries(callbacks) as object) }) };
      },
      commands: {
        name: command(v.array(v.string()), (ctx, names) => ctx.assign({ names, n: ctx.assigns.n + 1 })),
      },
    });
    const client = await new StoreServer([Parent]).connect();
    const root = await client.mount("Test.Parent");
    for (const names of [["a", "b"], [], ["a"]]) await client.command(root, "name", names);
    const [first, second, none, last] = held.map(({ a }) => a);
    expect([typeof first, none]).toEqual(["function", undefined]);
    expect(second).toBe(first);
    expect(last).not.toBe(first);
  });

  test("one that is called outside of any message, or by a render, is refused", async () => {
    const held: (() => void)[] = [];
    let isNosy = false;
    const Leaf = defineStore("Test.Leaf", {
      params: type<{ onPing: () => void; n: number }>(),
      mount: () => ({}),
      render: (_assigns, { params }) => {
        held.push(params.onPing);
        if (isNosy) params.onPing();
        return { n: params.n };
      },
    });
    const Parent = defineStore("Test.Parent", {
      mount: () => ({ n: 0 }),
      render: ({ n }, { callback }) => ({
        leaf: child(Leaf, { id: "leaf", n, onPing: callback((ctx) => void ctx.id) }),
      }),
      commands: { bump: command((ctx) => ctx.assign({ n: ctx.assigns.n + 1 })) },
    });
    const server = new StoreServer([Parent]);
    const client = await server.connect();
    const root = await client.mount("Test.Parent");
    expect(held[0]).toThrow(expect.objectContaining({ code: "stale_context" }));
    isNosy = true;
    expect((await client.command(root, "bump")).response["code"]).toBe("render_failed");
    expect(server.log.causes[0]).toContain("was called by a render");
  });
});
