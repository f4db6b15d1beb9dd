import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { halt, type MessageReport, type ServerHooks } from "./hooks.js";
import { child } from "./placeholders.js";
import { gate, ManualClock, type StoreClient, StoreServer, turns } from "./store-client.test.util.js";

/** Other tests say what a user is. */
const nameOf = (user: unknown): unknown => user;

let said: string[];
let reports: MessageReport[];

const Leaf = defineStore("Hooks.Leaf", {
  mount: () => ({ n: 0 }),
  render: ({ n }) => ({ n }),
  commands: { bump: command((ctx) => ctx.assign({ n: ctx.assigns.n + 1 })) },
});

const Board = defineStore("Hooks.Board", {
  mount: () => ({ title: "", edits: 0 }),
  render: ({ title, edits }) => ({ title, edits, leaf: child(Leaf, { id: "leaf" }) }),
  hooks: {
    beforeMount: () => void said.push("own mount"),
    beforeCommand: (ctx, { name, payload }) => {
      said.push(`own before ${name} ${JSON.stringify(payload)}`);
      ctx.assign({ edits: ctx.assigns.edits + 1 });
      if (ctx.assigns.title === "closed") return halt({ closed: true });
      if (ctx.assigns.title === "gone") ctx.reject("gone");
      return undefined;
    },
    afterCommand: (ctx, { name }, reply) => {
      said.push(`own after ${name} ${JSON.stringify(reply)} ${ctx.assigns.title}`);
      if (ctx.assigns.title === "undo") throw new Error("not that");
    },
    afterRender: ({ node }) => {
      said.push(`rendered ${JSON.stringify(node["title"])}`);
      if (node["title"] === "throw") throw new Error("after render");
    },
  },
  commands: {
    rename: command(v.object({ title: v.pipe(v.string(), v.trim()) }), (ctx, { title }) => {
      said.push("handler");
      ctx.assign({ title });
      return { at: new Date(0) };
    }),
    fail: command(() => {
      throw new Error("handler failed");
    }),
  },
});

const everywhere: ServerHooks = {
  beforeMount: (ctx) => {
    said.push(`all mount ${ctx.module}`);
    if (nameOf(ctx.user) === "intruder") ctx.refuse("forbidden");
  },
  beforeCommand: async (ctx, { name }) => {
    await Promise.resolve();
    said.push(`all before ${ctx.module} ${name} ${ctx.commandId}`);
    if (nameOf(ctx.user) === "reader") ctx.reject("forbidden", { advice: "ask" });
  },
  afterMessage: (report) => {
    reports.push(report);
    if (report.name === "fail") throw new Error("a report failed");
  },
};

let server: StoreServer;
const start = (hooks: readonly ServerHooks[] = [everywhere], clock = new ManualClock()): StoreServer =>
  new StoreServer([Board], { hooks, clock });
const open = async (user = "owner"): Promise<[StoreClient, string]> => {
  const client = await server.connect(user);
  const root = await client.mount("Hooks.Board");
  said = [];
  return [client, root];
};

beforeEach(() => {
  [said, reports] = [[], []];
  server = start();
});

describe("hooks around commands", () => {
  test("run in order, those for all stores first, with the payload as its schema made it and the reply as sent", async () => {
    const [client, root] = await open();
    const { response } = await client.push("command", {
      root_id: root,
      store_id: [],
      name: "rename",
      payload: { title: " a " },
      command_id: 7,
    });
    expect(response).toEqual({ at: "1970-01-01T00:00:00.000Z" });
    await turns();
    expect(said).toEqual([
      "all before Hooks.Board rename 7",
      'own before rename {"title":"a"}',
      "handler",
      'own after rename {"at":"1970-01-01T00:00:00.000Z"} a',
      'rendered "a"',
    ]);
    expect(client.tree(root)).toMatchObject({ title: "a", edits: 1 });
  });

  test("a halt answers in the handler's place and keeps what the hook did; afterCommand sees its reply", async () => {
    const [client, root] = await open();
    await client.command(root, "rename", { title: "closed" });
    said = [];
    expect(await client.command(root, "rename", { title: "new" })).toEqual({
      status: "ok",
      response: { closed: true },
    });
    await turns();
    expect(said).not.toContain("handler");
    expect(said).toContain('own after rename {"closed":true} closed');
    expect(client.tree(root)).toMatchObject({ title: "closed", edits: 2 });
  });

  test("a rejection by a hook is the command's, before or after its handler, and discards all of it", async () => {
    const [client, root] = await open();
    await client.command(root, "rename", { title: "gone" });
    expect((await client.command(root, "rename", { title: "x" })).response).toEqual({ reason: "gone" });
    const [other, its] = await open();
    expect((await other.command(its, "rename", { title: "undo" })).response["code"]).toBe("internal");
    await turns();
    expect([client.tree(root), other.tree(its)]).toMatchObject([{ edits: 1 }, { title: "", edits: 0 }]);
  });

  test("a hook for all stores authorizes every command, of children too", async () => {
    const [client, root] = await open("reader");
    const refused = { status: "error", response: { reason: "forbidden", advice: "ask" } };
    expect(await client.command(root, "rename", { title: "x" })).toEqual(refused);
    expect(await client.command(root, "bump", {}, ["leaf"])).toEqual(refused);
    expect(said).toEqual(["all before Hooks.Board rename null", "all before Hooks.Leaf bump null"]);
    const [owner, its] = await open();
    expect((await owner.command(its, "bump", {}, ["leaf"])).status).toBe("ok");
  });

  test("no hook runs for a payload that does not pass or a command that is not there", async () => {
    const [client, root] = await open();
    await client.command(root, "rename", {});
    await client.command(root, "nothing");
    expect(said).toEqual([]);
  });

  test("a hook that outlasts the message cannot start its handler", async () => {
    const wait = gate();
    const clock = new ManualClock();
    server = start([{ beforeCommand: () => wait.promise }], clock);
    const [client, root] = await open();
    const reply = client.command(root, "rename", { title: "late" });
    await turns();
    clock.advance(30_000);
    expect((await reply).response["code"]).toBe("timeout");
    wait.open();
    await turns();
    expect(said).toEqual([]);
  });
});

describe("hooks around mounts, renders and messages", () => {
  test("beforeMount runs for every store that mounts and can refuse", async () => {
    const client = await server.connect("owner");
    await client.mount("Hooks.Board");
    expect(said.slice(0, 3)).toEqual(["all mount Hooks.Board", "own mount", "all mount Hooks.Leaf"]);
    const intruder = await server.connect("intruder");
    await expect(intruder.mount("Hooks.Board")).rejects.toThrow("forbidden");
  });

  test("afterRender hears of stores that rendered, once the envelope is out; what it throws is logged", async () => {
    const [client, root] = await open();
    await client.command(root, "bump", {}, ["leaf"]);
    await turns();
    expect(said.filter((each) => each.startsWith("rendered"))).toEqual([]);
    await client.command(root, "rename", { title: "throw" });
    await turns();
    expect(client.tree(root)).toMatchObject({ title: "throw" });
    expect(server.log.causes).toEqual(["after render"]);
  });

  test("afterMessage reports every message with its outcome, the cause for the server alone, and its time", async () => {
    const [client, root] = await open();
    await client.command(root, "bump", {}, ["leaf"]);
    await client.command(root, "fail");
    server.registry.sendUpdate({ module: "Hooks.Board", id: "1" }, ["leaf"], { n: 5 });
    await turns();
    expect(reports).toMatchObject([
      { kind: "mount", status: "ok", rootId: root, module: "Hooks.Board", user: "owner" },
      { kind: "command", name: "bump", storeId: ["leaf"], status: "ok", response: {}, cause: null, durationMs: 0 },
      {
        kind: "command",
        name: "fail",
        status: "error",
        response: { code: "internal" },
        cause: { message: "handler failed" },
      },
      { kind: "update", name: null, storeId: ["leaf"], status: "ok" },
    ]);
    expect(server.log.causes).toEqual(["handler failed", "a report failed"]);
  });
});

describe("around", () => {
  const work: unknown[] = [];
  const tracer = (who: string): ServerHooks => ({
    around: async ({ kind, name, module, rootId, storeId }, run) => {
      work.push(`${who} begins ${kind} ${name} ${module} ${rootId} ${storeId.join("/")}`);
      try {
        return await run();
      } catch (cause) {
        work.push(`${who} saw ${(cause as Error).message}`);
        throw cause;
      } finally {
        work.push(`${who} ends`);
      }
    },
  });

  test("runs around each message, the first hook outermost, and hands its failure on", async () => {
    server = start([tracer("outer"), everywhere, tracer("inner")]);
    const [client, root] = await open();
    work.length = 0;
    await client.command(root, "bump", {}, ["leaf"]);
    expect(await client.command(root, "fail")).toMatchObject({ response: { code: "internal" } });
    expect(work).toEqual([
      "outer begins command bump Hooks.Board Hooks.Board:1 leaf",
      "inner begins command bump Hooks.Board Hooks.Board:1 leaf",
      "inner ends",
      "outer ends",
      "outer begins command fail Hooks.Board Hooks.Board:1 ",
      "inner begins command fail Hooks.Board Hooks.Board:1 ",
      "inner saw handler failed",
      "inner ends",
      "outer saw handler failed",
      "outer ends",
    ]);
    expect(client.tree(root)).toMatchObject({ leaf: { n: 1 } });
  });

  test("runs around what a message has started in the background", async () => {
    const Loader = defineStore("Hooks.Loader", {
      mount: (ctx) => ({ value: ctx.assignAsync("value", () => Promise.reject(new Error("no such value"))) }),
      render: ({ value }) => ({ value }),
    });
    const loaders = new StoreServer([Loader], { hooks: [tracer("it")] });
    const client = await loaders.connect();
    await client.mount("Hooks.Loader");
    work.length = 0;
    await turns();
    expect(work).toEqual([]);
    const root = await client.mount("Hooks.Loader", "2");
    await turns();
    expect(work).toEqual([
      "it begins mount null Hooks.Loader Hooks.Loader:2 ",
      "it ends",
      "it begins background value Hooks.Loader Hooks.Loader:2 ",
      "it saw no such value",
      "it ends",
      "it begins async value Hooks.Loader Hooks.Loader:2 ",
      "it ends",
    ]);
    expect(client.tree(root)).toMatchObject({ value: { status: "failed" } });
  });
});

describe("what a report says of its envelope", () => {
  test("whether there was one, and how long rendering took", async () => {
    const clock = new ManualClock();
    const Slow = defineStore("Hooks.Slow", {
      mount: () => ({ n: 0 }),
      render({ n }) {
        clock.advance(7);
        return { n };
      },
      commands: {
        set: command(v.object({ n: v.number() }), (ctx, { n }) => {
          clock.advance(100);
          ctx.assign({ n });
        }),
      },
    });
    const slow = new StoreServer([Slow], { hooks: [everywhere], clock });
    const client = await slow.connect();
    const root = await client.mount("Hooks.Slow");
    await client.command(root, "set", { n: 1 });
    await client.command(root, "set", { n: 1 });
    expect(reports.map(({ isSent, durationMs, renderMs }) => [isSent, durationMs, renderMs])).toEqual([
      [true, 7, 7],
      [true, 107, 7],
      [false, 100, 0],
    ]);
  });
});

describe("sendUpdate", () => {
  const Panel = defineStore("Hooks.Panel", {
    mount: () => ({ open: true }),
    render: ({ open: isOpen }) => (isOpen ? { leaf: child(Leaf, { id: "leaf" }) } : {}),
    commands: {
      update: command(v.object({ fail: v.boolean() }), (ctx, { fail }) => {
        ctx.sendUpdate(["leaf"], { n: 1 });
        ctx.sendUpdate(["nobody"], { n: 1 });
        if (fail) ctx.reject("not_now");
      }),
      close: command((ctx) => {
        ctx.sendUpdate(["leaf"], { n: 2 });
        ctx.assign({ open: false });
      }),
    },
  });
  const address = { module: "Hooks.Panel", id: "1" };

  test("from a store: another store of its root assigns, in an envelope of its own, once the message succeeded", async () => {
    const client = await new StoreServer([Panel]).connect();
    const root = await client.mount("Hooks.Panel");
    await client.command(root, "update", { fail: true });
    await turns();
    expect(client.envelopes).toHaveLength(1);
    await client.command(root, "update", { fail: false });
    await turns();
    expect(client.tree(root)).toMatchObject({ leaf: { n: 1 } });
    expect(client.envelopes).toHaveLength(2);
    await client.command(root, "close");
    await turns();
    expect(client.tree(root)).toEqual({ __musubi_store_id__: [] });
  });

  test("from the server: every root of the pair that has the store; the same again sends nothing", async () => {
    const panels = new StoreServer([Panel]);
    const [one, two] = [await panels.connect(), await panels.connect()];
    const root = await one.mount("Hooks.Panel");
    await two.mount("Hooks.Panel");
    expect(panels.registry.sendUpdate(address, ["leaf"], { n: 3 })).toBe(2);
    expect(panels.registry.sendUpdate(address, ["other"], { n: 3 })).toBe(0);
    expect(panels.registry.sendUpdate({ ...address, id: "2" }, ["leaf"], { n: 3 })).toBe(0);
    await turns();
    expect([one.tree(root), two.tree(root)]).toMatchObject([{ leaf: { n: 3 } }, { leaf: { n: 3 } }]);
    panels.registry.sendUpdate(address, ["leaf"], { n: 3 });
    await turns();
    expect(one.envelopes).toHaveLength(2);
  });

  test("one that finds the mailbox full is lost with a warning, and counts as not taken", async () => {
    const full = new StoreServer([Panel], { maxMailbox: 1 });
    const client = await full.connect();
    const root = await client.mount("Hooks.Panel");
    expect([1, 2].map((n) => full.registry.sendUpdate(address, ["leaf"], { n }))).toEqual([1, 0]);
    await turns();
    expect(client.tree(root)).toMatchObject({ leaf: { n: 1 } });
    expect(full.log.entries).toMatchObject([{ level: "warn", message: "a mailbox is full; a message is lost" }]);
  });
});
