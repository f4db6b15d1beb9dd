import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { child } from "./placeholders.js";
import { type Gate, gate, StoreServer, turns } from "./store-client.test.util.js";

/** What the stores of a test did. */
const seen: string[] = [];

describe("children that mount asynchronously", () => {
  const gates = new Map<string, Gate>();
  const Slow = defineStore("Test.Slow", {
    mount: async (ctx) => {
      seen.push(`begin ${ctx.id}`);
      ctx.signal.addEventListener("abort", () => seen.push(`abort ${ctx.id}`));
      const own = gate();
      gates.set(ctx.id, own);
      await own.promise;
      if (ctx.id.startsWith("refused")) ctx.refuse("no_such_row");
      return { ready: true };
    },
    render: ({ ready }) => ({ ready }),
    terminate: (ctx, reason) => void seen.push(`${reason} ${ctx.id}`),
  });
  const Board = defineStore("Test.Board", {
    mount: () => ({ ids: [] as readonly string[], label: "empty" }),
    render: ({ ids, label }) => ({ label, slots: ids.map((id) => child(Slow, { id })) }),
    commands: {
      show: command(v.object({ ids: v.array(v.string()) }), (ctx, { ids }) => {
        ctx.assign({ ids, label: ids.join() });
        return { shown: ids.length };
      }),
    },
  });

  async function board(): Promise<{
    server: StoreServer;
    client: Awaited<ReturnType<StoreServer["connect"]>>;
    root: string;
  }> {
    gates.clear();
    seen.length = 0;
    const server = new StoreServer([Board]);
    const client = await server.connect();
    return { server, client, root: await client.mount("Test.Board") };
  }

  test("server.md: they mount concurrently within the cycle; reply and envelope follow when all are there", async () => {
    const { client, root } = await board();
    const reply = client.command(root, "show", { ids: ["a", "b"] });
    await turns();
    expect(seen).toEqual(["begin a", "begin b"]);
    gates.get("b")?.open();
    await turns();
    expect(client.envelopes).toHaveLength(1);
    gates.get("a")?.open();
    expect((await reply).response).toEqual({ shown: 2 });
    await turns();
    expect(client.envelopes).toHaveLength(2);
    expect(client.tree(root)).toMatchObject({ label: "a,b", slots: [{ ready: true }, { ready: true }] });
  });

  test("server.md: one that fails fails the message and restores the former tree; the others let go", async () => {
    const { server, client, root } = await board();
    const reply = client.command(root, "show", { ids: ["a", "b", "late"] });
    await turns();
    gates.get("a")?.open();
    await turns();
    gates.get("b")?.fail(new Error("no database"));
    expect(await reply).toEqual({ status: "error", response: { reason: "internal", code: "internal" } });
    gates.get("late")?.open();
    await turns();
    expect(seen).toEqual([
      "begin a",
      "begin b",
      "begin late",
      "abort a",
      "abort b",
      "abort late",
      "discarded a",
      "discarded late",
    ]);
    expect(server.log.causes).toEqual(["no database"]);
    expect(client.envelopes).toHaveLength(1);
    const again = client.command(root, "show", { ids: ["c"] });
    await turns();
    gates.get("c")?.open();
    expect((await again).status).toBe("ok");
    expect(client.tree(root)).toMatchObject({ label: "c", slots: [{ __musubi_store_id__: ["c"] }] });
  });

  test("a child's refusal is the reply", async () => {
    const { client, root } = await board();
    const reply = client.command(root, "show", { ids: ["refused"] });
    await turns();
    gates.get("refused")?.open();
    expect(await reply).toEqual({ status: "error", response: { reason: "no_such_row" } });
  });

  test("unmounting while they mount aborts them", async () => {
    const { client, root } = await board();
    const reply = client.command(root, "show", { ids: ["a"] });
    await turns();
    await client.push("unmount", { root_id: root });
    expect((await reply).response["code"]).toBe("unmounted");
    gates.get("a")?.open();
    await turns();
    expect(seen).toEqual(["begin a", "abort a", "discarded a"]);
  });
});
