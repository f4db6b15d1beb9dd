import { MusubiError } from "@musubi/protocol";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { gate, ManualClock, StoreServer, turns } from "./store-client.test.util.js";

describe("time", () => {
  test("server.md: past handlerTimeoutMs: error timeout, state as before, the mailbox goes on, the late result is dropped", async () => {
    const clock = new ManualClock();
    const open = gate();
    const late: unknown[] = [];
    const Slow = defineStore("Test.Slow", {
      mount: () => ({ count: 0 }),
      render: ({ count }) => ({ count }),
      commands: {
        slow: command(async (ctx) => {
          ctx.assign({ count: 1 });
          ctx.signal.addEventListener("abort", () => late.push("aborted"));
          await open.promise;
          try {
            ctx.assign({ count: 2 });
          } catch (cause) {
            late.push((cause as MusubiError).code);
          }
          return { done: true };
        }),
        step: command((ctx) => {
          ctx.assign({ count: ctx.assigns.count + 10 });
          return { count: ctx.assigns.count };
        }),
      },
    });
    const server = new StoreServer([Slow], { clock, handlerTimeoutMs: 100 });
    const client = await server.connect();
    const root = await client.mount("Test.Slow");
    const slow = client.command(root, "slow");
    const next = client.command(root, "step");
    await turns();
    clock.advance(99);
    await turns();
    expect(client.envelopes).toHaveLength(1);
    clock.advance(1);
    expect(await slow).toEqual({ status: "error", response: { reason: "timeout", code: "timeout" } });
    expect((await next).response).toEqual({ count: 10 });
    open.open();
    await turns();
    expect(late).toEqual(["aborted", "stale_context"]);
    expect(client.tree(root)).toMatchObject({ count: 10 });
    expect(client.received.filter((each) => each.kind === "reply" && each.status === "error")).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test("a mount that takes longer than mountTimeoutMs is answered timeout and leaves nothing", async () => {
    const clock = new ManualClock();
    const Never = defineStore("Test.Never", { mount: () => gate<object>().promise, render: () => ({}) });
    const server = new StoreServer([Never], { clock, mountTimeoutMs: 50 });
    const client = await server.connect();
    const mounting = client.push("mount", { module: "Test.Never", id: "1", params: {} });
    await turns();
    clock.advance(50);
    expect(await mounting).toEqual({ status: "error", response: { reason: "timeout", code: "timeout" } });
    expect(server.registry.inspect()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test("server.md: messages of one root run one at a time; another root is never held up", async () => {
    const open = gate();
    const order: string[] = [];
    const Busy = defineStore("Test.Busy", {
      mount: () => ({}),
      render: () => ({}),
      commands: {
        wait: command(async (ctx) => {
          order.push(`wait ${ctx.id}`);
          await open.promise;
          order.push(`done ${ctx.id}`);
        }),
        quick: command((ctx) => void order.push(`quick ${ctx.id}`)),
      },
    });
    const client = await new StoreServer([Busy]).connect();
    const [a, b] = [await client.mount("Test.Busy", "a"), await client.mount("Test.Busy", "b")];
    const all = [client.command(a, "wait"), client.command(a, "quick"), client.command(b, "quick")];
    await turns();
    expect(order).toEqual(["wait a", "quick b"]);
    open.open();
    await Promise.all(all);
    expect(order).toEqual(["wait a", "quick b", "done a", "quick a"]);
  });

  test("server.md: past maxMailbox waiting messages commands are answered overloaded, and earlier ones still run", async () => {
    const open = gate();
    const Busy = defineStore("Test.Busy", {
      mount: () => ({ count: 0 }),
      render: ({ count }) => ({ count }),
      info: { more: (ctx) => ctx.assign({ count: ctx.assigns.count + 1 }) },
      commands: {
        wait: command(() => open.promise),
        add: command((ctx) => ctx.assign({ count: ctx.assigns.count + 1 })),
      },
    });
    const server = new StoreServer([Busy], { maxMailbox: 3 });
    const client = await server.connect();
    const root = await client.mount("Test.Busy");
    const wait = client.command(root, "wait");
    await turns();
    const adds = Array.from({ length: 5 }, () => client.command(root, "add"));
    await turns();
    expect(server.registry.send({ module: "Test.Busy", id: "1" }, "more", null)).toBe(0);
    expect(server.log.entries.map(({ message }) => message)).toEqual(["a mailbox is full; a message is lost"]);
    open.open();
    expect((await wait).status).toBe("ok");
    const codes = (await Promise.all(adds)).map(({ status, response }) => response["code"] ?? status);
    expect(codes).toEqual(["ok", "ok", "ok", "overloaded", "overloaded"]);
    await turns();
    expect(client.tree(root)).toMatchObject({ count: 3 });
  });
});

describe("what a store has open", () => {
  test("server.md: past maxResources a message that opens a timer or a subscription more is overloaded", async () => {
    const clock = new ManualClock();
    const stops: (() => void)[] = [];
    const Open = defineStore("Test.Open", {
      mount: () => ({}),
      render: () => ({}),
      info: { tick: () => {} },
      commands: {
        after: command((ctx) => void stops.push(ctx.sendAfter(1_000, "tick"))),
        every: command((ctx) => void stops.push(ctx.sendEvery(1_000, "tick"))),
        hear: command((ctx) => void stops.push(ctx.subscribe("news", "tick"))),
        many: command((ctx) => {
          for (let n = 0; n < 3; n++) ctx.subscribe(`news:${n}`, "tick");
        }),
        stop: command(() => stops.pop()?.()),
      },
    });
    const server = new StoreServer([Open], { clock, maxResources: 3 });
    const client = await server.connect();
    const [root, other] = [await client.mount("Test.Open", "1"), await client.mount("Test.Open", "2")];
    const said = async (name: string, of = root): Promise<unknown> => (await client.command(of, name)).response["code"];
    for (const name of ["after", "every", "hear"]) expect(await said(name)).toBeUndefined();
    for (const name of ["after", "every", "hear"]) expect(await said(name)).toBe("overloaded");
    expect(clock.pending).toBe(2);
    expect(server.log.entries).toEqual([]);
    // What failed half way has opened nothing, and each store has its own.
    await said("stop");
    for (let n = 0; n < 3; n++) expect(await said("many")).toBe("overloaded");
    expect(await said("hear")).toBeUndefined();
    expect(await said("many", other)).toBeUndefined();
    // One that has fired is open no more.
    clock.advance(1_000);
    await turns();
    expect(await said("after")).toBeUndefined();
    expect(await said("after")).toBe("overloaded");
  });
});

describe("ends in the middle", () => {
  test("a root that is closed by its own running handler sends nothing more", async () => {
    const server: StoreServer = new StoreServer([
      defineStore("Test.Self", {
        mount: () => ({ count: 0 }),
        render: ({ count }) => ({ count }),
        commands: {
          end: command((ctx) => {
            ctx.assign({ count: 1 });
            void server.registry.close(server.clock, 1_000);
          }),
        },
      }),
    ]);
    const client = await server.connect();
    const root = await client.mount("Test.Self");
    expect((await client.command(root, "end")).response["code"]).toBe("unmounted");
    await turns();
    expect(client.envelopes).toHaveLength(1);
    expect(server.registry.inspect()).toEqual([]);
  });

  test("a schema that outlasts its message never gets to the handler", async () => {
    const clock = new ManualClock();
    const passed = gate<boolean>();
    const handled: unknown[] = [];
    const Slow = defineStore("Test.SlowSchema", {
      mount: () => ({}),
      render: () => ({}),
      commands: {
        go: command(
          v.pipeAsync(
            v.object({}),
            v.checkAsync(() => passed.promise),
          ),
          () => void handled.push("ran"),
        ),
      },
    });
    const client = await new StoreServer([Slow], { clock, handlerTimeoutMs: 10 }).connect();
    const root = await client.mount("Test.SlowSchema");
    const going = client.command(root, "go");
    await turns();
    clock.advance(10);
    expect((await going).response["code"]).toBe("timeout");
    passed.open(true);
    await turns();
    expect(handled).toEqual([]);
  });

  test("closing waits for stores that terminate, but not for ever", async () => {
    const clock = new ManualClock();
    const ending = gate();
    const Stuck = defineStore("Test.Stuck", { mount: () => ({}), render: () => ({}), terminate: () => ending.promise });
    const server = new StoreServer([Stuck], { clock });
    const client = await server.connect();
    const root = await client.mount("Test.Stuck");
    await client.push("unmount", { root_id: root });
    let isClosed = false;
    const closing = server.registry.close(clock, 100).then(() => {
      isClosed = true;
    });
    await turns();
    expect(isClosed).toBe(false);
    clock.advance(100);
    await closing;
    const second = server.registry.close(clock, 100);
    ending.open();
    await second;
    expect(clock.pending).toBe(0);
  });

  test("a terminate that throws is logged and stops nobody", async () => {
    const Bad = defineStore("Test.Bad", {
      mount: () => ({}),
      render: () => ({}),
      terminate: () => {
        throw new Error("cannot end");
      },
    });
    const server = new StoreServer([Bad]);
    const client = await server.connect();
    await client.push("unmount", { root_id: await client.mount("Test.Bad") });
    await turns();
    expect(server.log.causes).toEqual(["cannot end"]);
    expect(server.registry.inspect()).toEqual([]);
  });
});
