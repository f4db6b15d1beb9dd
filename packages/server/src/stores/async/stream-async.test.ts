import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { command } from "../command.js";
import { defineStore } from "../define-store.js";
import { stream } from "../placeholders.js";
import { type StoreClient, StoreServer, turns } from "../store-client.test.util.js";
import { asynchronous, load, loads, settle } from "./loads.test.util.js";

let client: StoreClient;
let root: string;
const field = (name: string): unknown => (client.tree(root) as Record<string, unknown>)[name];

describe("an async stream", () => {
  interface Line {
    readonly id: string;
    readonly n: number;
  }
  type Loaded = readonly Line[] | { items: readonly Line[]; at?: number; reset?: boolean };
  const Feed = defineStore("Test.Feed", {
    streams: { log: { key: (line: Line) => line.id, limit: -4 } },
    mount: (ctx) => ({ log: ctx.streamAsync("log", (signal) => load<Loaded>(signal)) }),
    render: ({ log }) => ({ log, plain: stream("log") }),
    commands: {
      add: command(v.object({ id: v.string() }), (ctx, { id }) => ctx.stream("log").insert({ id, n: 0 })),
      reload: command(v.object({ reset: v.boolean() }), (ctx, { reset }) => {
        ctx.streamAsync("log", (signal) => load<Loaded>(signal), { reset });
      }),
    },
  });
  const marker = { __musubi_stream__: "log" };
  const ids = (): unknown[] => client.items(root, "log").map((item) => (item as unknown as Line).id);

  beforeEach(async () => {
    loads.length = 0;
    client = await new StoreServer([Feed]).connect();
    root = await client.mount("Test.Feed");
  });

  test("rule 12: has no result until its items are there, in one envelope with the stream's marker", async () => {
    expect(field("log")).toEqual(asynchronous("loading"));
    await settle(0, [
      { id: "a", n: 1 },
      { id: "b", n: 2 },
    ]);
    expect(client.envelopes).toHaveLength(2);
    expect(field("log")).toEqual(asynchronous("ok", marker));
    expect(ids()).toEqual(["a", "b"]);
  });

  test("rule 12: items upsert, so that what was inserted meanwhile stays; reset in the result replaces them", async () => {
    await client.command(root, "add", { id: "live" });
    await settle(0, {
      items: [
        { id: "a", n: 1 },
        { id: "b", n: 1 },
      ],
      at: 0,
    });
    expect(ids()).toEqual(["a", "b", "live"]);
    await client.command(root, "reload", { reset: false });
    await turns();
    expect([field("log"), ids()]).toEqual([asynchronous("loading", marker), ["a", "b", "live"]]);
    await settle(1, { items: [{ id: "c", n: 1 }], reset: true });
    expect(ids()).toEqual(["c"]);
  });

  test("rule 12: reset in the call empties the stream and its value at once", async () => {
    await settle(0, [{ id: "a", n: 1 }]);
    await client.command(root, "reload", { reset: true });
    await turns();
    expect([field("log"), ids()]).toEqual([asynchronous("loading"), []]);
    const lines = (...names: string[]): Line[] => names.map((id) => ({ id, n: 1 }));
    await settle(1, { items: lines("b", "c"), at: 3 });
    await client.command(root, "reload", { reset: false });
    await turns();
    await settle(2, { items: lines("d", "e"), at: 1 });
    expect(ids()).toEqual(["b", "d", "e", "c"]);
  });

  test("rule 12: what is no list of items has failed", async () => {
    await settle(0, { rows: [] });
    expect(field("log")).toMatchObject({ status: "failed", reason: { code: "internal" } });
  });
});
