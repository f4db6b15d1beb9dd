import type { JsonObject } from "@musubi/protocol";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { child } from "./placeholders.js";
import { type } from "./schema.js";
import { StoreServer, turns } from "./store-client.test.util.js";

interface Todo {
  readonly id: string;
  readonly title: string;
}

/** What the stores of a test did. */
const seen: string[] = [];

const Item = defineStore("Test.Item", {
  params: type<{ todo: Todo; onDone?: (id: string) => void }>(),
  mount: (ctx) => {
    seen.push(`mount ${ctx.id}`);
    return { open: false };
  },
  render: ({ open }, { params }) => {
    seen.push(`render ${params.todo.id}`);
    return { title: params.todo.title, open };
  },
  commands: {
    toggle: command((ctx) => ctx.assign({ open: !ctx.assigns.open })),
    done: command((ctx) => {
      ctx.params.onDone?.(ctx.params.todo.id);
      return { done: ctx.params.todo.id };
    }),
    doneThenFail: command((ctx) => {
      ctx.params.onDone?.(ctx.params.todo.id);
      throw new Error("after the callback");
    }),
  },
  terminate: (ctx, reason) => void seen.push(`${reason} ${ctx.id}`),
});

const List = defineStore("Test.List", {
  params: v.object({ size: v.optional(v.number(), 3) }),
  mount: (_ctx, { size }) => ({
    todos: Array.from({ length: size }, (_, at): Todo => ({ id: `t${at}`, title: `title ${at}` })),
    filter: "all",
    done: [] as readonly string[],
  }),
  render: ({ todos, filter, done }, { callback }) => {
    seen.push("render list");
    return {
      filter,
      done: done.length,
      items: todos.map((todo) =>
        child(Item, {
          id: todo.id,
          todo,
          onDone: callback((ctx, id: string) => ctx.assign({ done: [...ctx.assigns.done, id] })),
        }),
      ),
    };
  },
  commands: {
    filter: command(v.object({ to: v.string() }), (ctx, { to }) => ctx.assign({ filter: to })),
    rename: command(v.object({ id: v.string(), title: v.string() }), (ctx, { id, title }) => {
      ctx.assign({ todos: ctx.assigns.todos.map((todo) => (todo.id === id ? { id, title } : todo)) });
    }),
    order: command(v.object({ ids: v.array(v.string()) }), (ctx, { ids }) => {
      const known = new Map(ctx.assigns.todos.map((todo) => [todo.id, todo]));
      ctx.assign({ todos: ids.map((id) => known.get(id) ?? { id, title: `new ${id}` }) });
    }),
  },
});

async function openList(size = 3): Promise<{
  server: StoreServer;
  client: Awaited<ReturnType<StoreServer["connect"]>>;
  root: string;
}> {
  const server = new StoreServer([List]);
  const client = await server.connect();
  const root = await client.mount("Test.List", "1", { size });
  seen.length = 0;
  return { server, client, root };
}

async function openChangingAndLeaving(): Promise<Awaited<ReturnType<typeof openList>>> {
  const Leaf = defineStore("Test.Leaf", {
    params: type<{ onLeave: () => void }>(),
    mount: () => ({ n: 0 }),
    render: ({ n }) => {
      seen.push(`render leaf ${n}`);
      return { n };
    },
    commands: {
      leave: command((ctx) => {
        ctx.assign({ n: 1 });
        ctx.params.onLeave();
      }),
    },
  });
  const Parent = defineStore("Test.Parent", {
    mount: () => ({ shown: true }),
    render: ({ shown }, { callback }) => {
      seen.push(`render parent ${shown ? "with" : "without"}`);
      return shown
        ? { leaf: child(Leaf, { id: "leaf", onLeave: callback((ctx) => ctx.assign({ shown: false })) }) }
        : {};
    },
  });
  const server = new StoreServer([Parent]);
  const client = await server.connect();
  return { server, client, root: await client.mount("Test.Parent") };
}

describe("children", () => {
  test("protocol.md 4: each is a store node with an id of its own under its parent's", async () => {
    const { client, root } = await openList(2);
    expect(client.tree(root)).toEqual({
      __musubi_store_id__: [],
      filter: "all",
      done: 0,
      items: [
        { __musubi_store_id__: ["t0"], title: "title 0", open: false },
        { __musubi_store_id__: ["t1"], title: "title 1", open: false },
      ],
    });
  });

  test("server.md: only a store whose assigns or props changed renders", async () => {
    const { client, root } = await openList();
    await client.command(root, "toggle", {}, ["t1"]);
    expect(seen.splice(0)).toEqual(["render t1"]);
    // The parent renders, its callbacks are new functions, and no child renders for that.
    await client.command(root, "filter", { to: "open" });
    expect(seen.splice(0)).toEqual(["render list"]);
    await client.command(root, "rename", { id: "t2", title: "two" });
    expect(seen.splice(0)).toEqual(["render list", "render t2"]);
    await turns();
    expect(client.envelopes.slice(1).map(({ ops }) => ops)).toEqual([
      [{ op: "replace", path: "/items/1/open", value: true }],
      [{ op: "replace", path: "/filter", value: "open" }],
      [{ op: "replace", path: "/items/2/title", value: "two" }],
    ]);
  });

  test("children come, go and move with their parent's render, and keep their state on the way", async () => {
    const { client, root } = await openList();
    await client.command(root, "toggle", {}, ["t0"]);
    seen.length = 0;
    await client.command(root, "order", { ids: ["n", "t2", "t0"] });
    await turns();
    expect(seen).toEqual(["render list", "mount n", "render n", "removed t1"]);
    expect((client.tree(root) as { items: JsonObject[] }).items).toEqual([
      { __musubi_store_id__: ["n"], title: "new n", open: false },
      { __musubi_store_id__: ["t2"], title: "title 2", open: false },
      { __musubi_store_id__: ["t0"], title: "title 0", open: true },
    ]);
    // Their places are the new ones.
    await client.command(root, "toggle", {}, ["t0"]);
    await turns();
    expect(client.envelopes.at(-1)?.ops).toEqual([{ op: "replace", path: "/items/2/open", value: false }]);
    expect((await client.command(root, "toggle", {}, ["t1"])).response["code"]).toBe("unknown_store");
  });

  test("ids are unique among all children of one parent: a clear error names the id", async () => {
    const { server, client, root } = await openList();
    const reply = await client.command(root, "order", { ids: ["t0", "t0"] });
    expect(reply.response["code"]).toBe("render_failed");
    expect(server.log.causes[0]).toContain('two children have the id "t0"');
    expect(server.log.entries.at(-1)?.details).toMatchObject({ err: { cause: { code: "duplicate_child" } } });
  });

  test("a parent's callback runs in the child's message: one envelope with both, none when it fails", async () => {
    const { server, client, root } = await openList();
    expect((await client.command(root, "done", {}, ["t2"])).response).toEqual({ done: "t2" });
    await turns();
    expect(client.envelopes).toHaveLength(2);
    expect(client.tree(root)).toMatchObject({ done: 1 });
    const failed = await client.command(root, "doneThenFail", {}, ["t2"]);
    expect(failed.response).toEqual({ reason: "internal", code: "internal" });
    expect(server.log.causes).toEqual(["after the callback"]);
    await client.command(root, "filter", { to: "x" });
    await turns();
    expect(client.tree(root)).toMatchObject({ done: 1, filter: "x" });
  });

  test("a function prop that is called after its message throws stale_context", async () => {
    const leaked: (() => void)[] = [];
    const Leaf = defineStore("Test.Leaf", {
      params: type<{ onPing: () => void }>(),
      mount: () => ({}),
      render: () => ({}),
      commands: { leak: command((ctx) => void leaked.push(ctx.params.onPing)) },
    });
    const Parent = defineStore("Test.Parent", {
      mount: () => ({ pings: 0 }),
      render: ({ pings }, { callback }) => ({
        pings,
        leaf: child(Leaf, { id: "leaf", onPing: callback((ctx) => ctx.assign({ pings: ctx.assigns.pings + 1 })) }),
      }),
    });
    const client = await new StoreServer([Parent]).connect();
    const root = await client.mount("Test.Parent");
    await client.command(root, "leak", {}, ["leaf"]);
    expect(leaked[0]).toThrow(expect.objectContaining({ code: "stale_context" }));
  });

  test("a child that changed, and that its parent takes out in the same message, does not render", async () => {
    const { client, root } = await openChangingAndLeaving();
    seen.length = 0;
    await client.command(root, "leave", {}, ["leaf"]);
    await turns();
    expect(seen).toEqual(["render parent without"]);
    expect(client.envelopes.at(-1)?.ops).toEqual([{ op: "remove", path: "/leaf" }]);
  });

  test("a child's mount may change its parent, which renders again in the same cycle; without end it is an error", async () => {
    const Eager = defineStore("Test.Eager", {
      params: type<{ onMount: (id: string) => void }>(),
      mount: (ctx, { onMount }) => {
        onMount(ctx.id);
        return {};
      },
      render: () => ({}),
    });
    const Greeter = defineStore("Test.Greeter", {
      params: v.object({ endless: v.boolean() }),
      mount: (_ctx, { endless }) => ({ here: [] as readonly string[], endless }),
      render: ({ here, endless }, { callback }) => ({
        here,
        kid: child(Eager, {
          id: endless ? `kid ${here.length}` : "kid",
          onMount: callback((ctx, id: string) => ctx.assign({ here: [...ctx.assigns.here, id] })),
        }),
      }),
    });
    const server = new StoreServer([Greeter]);
    const client = await server.connect();
    const root = await client.mount("Test.Greeter", "1", { endless: false });
    expect(client.tree(root)).toMatchObject({ here: ["kid"], kid: { __musubi_store_id__: ["kid"] } });
    expect(client.envelopes).toHaveLength(1);
    const endless = await client.push("mount", { module: "Test.Greeter", id: "2", params: { endless: true } });
    expect(endless.response).toEqual({ reason: "internal", code: "internal" });
    expect(server.log.causes).toEqual(["stores changed each other in 100 renders of one message"]);
  });

  test("grandchildren: callbacks reach any ancestor, and the path to a change is all that is copied", async () => {
    const Leaf = defineStore("Test.Leaf", {
      params: type<{ bump: () => void }>(),
      mount: () => ({ n: 0 }),
      render: ({ n }) => ({ n }),
      commands: {
        both: command((ctx) => {
          ctx.assign({ n: ctx.assigns.n + 1 });
          ctx.params.bump();
        }),
        own: command((ctx) => ctx.assign({ n: ctx.assigns.n + 1 })),
      },
    });
    const Middle = defineStore("Test.Middle", {
      params: type<{ bump: () => void }>(),
      mount: () => ({}),
      render: (_assigns, { params }) => ({ deep: { list: [child(Leaf, { id: "leaf", bump: params.bump })] } }),
    });
    const Top = defineStore("Test.Top", {
      mount: () => ({ bumps: 0 }),
      render: ({ bumps }, { callback }) => ({
        bumps,
        "a/b~": child(Middle, { id: "m", bump: callback((ctx) => ctx.assign({ bumps: ctx.assigns.bumps + 1 })) }),
      }),
    });
    const client = await new StoreServer([Top]).connect();
    const root = await client.mount("Test.Top");
    await client.command(root, "own", {}, ["m", "leaf"]);
    await client.command(root, "both", {}, ["m", "leaf"]);
    await turns();
    expect(client.envelopes.slice(1).map(({ ops }) => ops)).toEqual([
      [{ op: "replace", path: "/a~1b~0/deep/list/0/n", value: 1 }],
      [
        { op: "replace", path: "/bumps", value: 1 },
        { op: "replace", path: "/a~1b~0/deep/list/0/n", value: 2 },
      ],
    ]);
  });
});

describe("growth", () => {
  async function work(size: number): Promise<{ renders: number; values: number; ops: unknown }> {
    const { server, client, root } = await openList(size);
    const before = server.registry.inspect()[0]?.counts ?? { renders: 0, values: 0 };
    await client.command(root, "toggle", {}, [`t${size - 1}`]);
    await turns();
    const after = server.registry.inspect()[0]?.counts ?? { renders: 0, values: 0 };
    const { ops } = client.envelopes.at(-1) ?? {};
    return { renders: after.renders - before.renders, values: after.values - before.values, ops };
  }

  test("server.md: one assign in one child costs the same among 1 000 stores as among 10", async () => {
    const [small, large] = [await work(10), await work(1_000)];
    expect(small).toEqual({ renders: 1, values: 2, ops: [{ op: "replace", path: "/items/9/open", value: true }] });
    expect(large).toEqual({ renders: 1, values: 2, ops: [{ op: "replace", path: "/items/999/open", value: true }] });
  });
});
