import * as v from "valibot";
import { expect, test } from "vitest";
import { AsyncValue } from "./async/async-value.js";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { halt } from "./hooks.js";
import { child, stream, upload } from "./placeholders.js";
import { renderStore } from "./render-store.js";
import { gate, LogRecorder, ManualClock } from "./store-client.test.util.js";

const Row = defineStore("View.Row", {
  params: v.object({ id: v.string(), label: v.string() }),
  mount: () => ({ open: false }),
  render: ({ open }, { params }) => ({ open, label: params.label }),
  commands: { toggle: command((ctx) => ctx.assign({ open: !ctx.assigns.open })) },
});

const Table = defineStore("View.Table", {
  params: v.object({ owner: v.string() }),
  streams: { log: { key: (line: { id: string }) => line.id } },
  events: { renamed: v.object({ title: v.string() }) },
  mount: (ctx, { owner }) => {
    if (owner === "nobody") ctx.refuse("no_owner", { advice: "name one" });
    if (owner === "broken") throw new Error("mount failed");
    return {
      title: owner,
      rows: [{ id: "a", label: "first" }] as readonly { id: string; label: string }[],
      people: ctx.assignAsync("people", async () => ["ada"]),
      feed: AsyncValue.loading<never>(),
    };
  },
  render: ({ title, rows, people }) => {
    if (title === "unrenderable") throw new Error("render failed");
    return { title, rows: rows.map((row) => child(Row, row)), people, log: stream("log") };
  },
  commands: {
    rename: command(v.object({ title: v.string() }), (ctx, { title }) => {
      ctx.assign({ title });
      ctx.stream("log").insert({ id: title });
      ctx.pushEvent("renamed", { title });
      return { was: title };
    }),
    clear: command((ctx) => ctx.assign({ rows: [] })),
    fail: command(() => {
      throw new Error("the cause");
    }),
    chain: command((ctx) => ctx.startAsync("chain", async () => 1)),
  },
  info: { titled: (ctx, title: string) => ctx.assign({ title }) },
  async: {
    chain: (ctx, outcome) => {
      const n = outcome.status === "ok" ? Number(outcome.value) : 0;
      ctx.assign({ title: `chained ${n}` });
      if (n < 3) ctx.startAsync("chain", async () => n + 1);
    },
  },
});

test("a store is mounted, read, commanded and ended without sockets", async () => {
  const view = await renderStore(Table, { owner: "ada" });
  expect(view.state).toEqual({
    title: "ada",
    rows: [{ open: false, label: "first" }],
    people: { status: "loading", data: null, error: null },
    log: [],
  });
  expect(view.tree).toMatchObject({ __musubi_store_id__: [], people: { __musubi_async__: true } });
  const reply: { was: string } = await view.dispatch("rename", { title: "new" });
  expect(reply).toEqual({ was: "new" });
  expect([view.state.title, view.state.log]).toEqual(["new", [{ id: "new" }]]);
  expect(view.events).toEqual([{ name: "renamed", payload: { title: "new" }, store_id: [] }]);
  expect(view.envelopes.map(({ version }) => version)).toContain(2);
  await view.dispatchTo(["a"], "toggle");
  expect(view.state.rows[0]?.open).toBe(true);
  await view.sendUpdate(["a"], { open: false });
  await view.send("titled", "by info");
  expect(view.state).toMatchObject({ title: "by info", rows: [{ open: false }] });
  await view.dispatch("clear");
  expect(view.state.rows).toEqual([]);
  await view.unmount();
  expect(view.isLive).toBe(false);
});

test("async() resolves when all async work has been shown, with what its handlers started", async () => {
  const view = await renderStore(Table, { owner: "ada" });
  await view.async();
  expect(view.state.people).toEqual({ status: "ok", data: ["ada"], error: null });
  await view.dispatch("chain");
  await view.async();
  expect(view.state.title).toBe("chained 3");
});

test("async() waits for work that takes its time, and time is the test's own", async () => {
  const wait = gate<string>();
  const Slow = defineStore("View.Slow", {
    mount: (ctx) => ({ slow: ctx.assignAsync("slow", () => wait.promise, { timeoutMs: 10 }) }),
    render: ({ slow }) => ({ slow }),
  });
  const clock = new ManualClock();
  const view = await renderStore(Slow, {}, { clock, logger: new LogRecorder() });
  let isThrough = false;
  const waiting = view.async().then(() => {
    isThrough = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isThrough).toBe(false);
  clock.advance(10);
  await waiting;
  expect(view.state.slow).toMatchObject({ status: "failed", error: { code: "timeout" } });
});

test("what fails rejects with the client's answer, and with the cause that clients never see", async () => {
  const logger = new LogRecorder();
  await expect(renderStore(Table, { owner: "nobody" }, { logger })).rejects.toMatchObject({
    code: "mount_refused",
    details: { reason: "no_owner", advice: "name one" },
  });
  await expect(renderStore(Table, { owner: "broken" }, { logger })).rejects.toMatchObject({
    details: { code: "internal" },
    cause: { message: "mount failed" },
  });
  const view = await renderStore(Table, { owner: "ada" }, { logger });
  await expect(view.dispatch("fail")).rejects.toMatchObject({
    code: "command_failed",
    details: { code: "internal" },
    cause: { message: "the cause" },
  });
  await expect(view.dispatchTo(["z"], "toggle")).rejects.toMatchObject({ details: { code: "unknown_store" } });
  await expect(view.sendTo([], "nothing")).rejects.toMatchObject({ code: "invalid_usage" });
  await expect(view.sendUpdate(["z"], {})).rejects.toMatchObject({ code: "invalid_usage" });
  await expect(view.dispatch("rename", { title: "unrenderable" })).rejects.toMatchObject({
    details: { code: "render_failed" },
  });
  expect(view.isLive).toBe(false);
});

test("a store with an upload slot is rendered too, with the slot's marker", async () => {
  const Form = defineStore("View.Form", {
    uploads: { photo: { accept: [".png"] } },
    mount: () => ({ name: "" }),
    render: ({ name }) => ({ name, photo: upload("photo") }),
  });
  const view = await renderStore(Form);
  expect(view.state).toEqual({ name: "", photo: { __musubi_upload__: "photo" } });
});

test("hooks and the user are those given", async () => {
  const view = await renderStore(
    Table,
    { owner: "ada" },
    { hooks: [{ beforeCommand: () => halt({ was: "halted" }) }] },
  );
  expect(await view.dispatch("rename", { title: "x" })).toEqual({ was: "halted" });
  expect(view.state.title).toBe("ada");
});

test("types: payloads, replies and state are the store's", async () => {
  const view = await renderStore(Table, { owner: "ada" });
  // @ts-expect-error a title is a string
  const wrong = view.dispatch("rename", { title: 1 }).catch(() => "refused");
  // @ts-expect-error there is no such command
  const unknown = view.dispatch("nothing").catch(() => "refused");
  // @ts-expect-error a table has an owner
  const unowned = renderStore(Table).catch(() => "refused");
  expect(await Promise.all([wrong, unknown, unowned])).toEqual(["refused", "refused", "refused"]);
  const data: readonly string[] | null = view.state.people.data;
  const [row] = view.state.rows;
  expect([data, row?.label satisfies string | undefined]).toEqual([view.state.people.data, "first"]);
});
