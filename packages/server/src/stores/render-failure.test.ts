import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { child, stream } from "./placeholders.js";
import { type Received, StoreServer, turns } from "./store-client.test.util.js";

/** What was received, in short: `ok`/`error` for replies, versions for envelopes, names for the rest. */
function outline(received: readonly Received[]): string[] {
  return received.map((each) => {
    if (each.kind === "reply") return each.status;
    return each.event === "patch" ? `v${each.payload["version"] as number}` : each.event;
  });
}

describe("a render that fails", () => {
  const Brittle = defineStore("Test.Brittle", {
    mount: () => ({ value: 1 as unknown }),
    render: ({ value }) => {
      if (value === "throw") throw new Error("cannot render");
      return { value };
    },
    commands: {
      set: command(v.object({ to: v.string() }), (ctx, { to }) => {
        ctx.assign({ value: to === "bigint" ? 1n : to });
      }),
    },
    terminate: (ctx, reason) => ctx.publish("ended", [reason, ctx.assigns.value]),
  });

  test.each([
    ["throw", "Test.Brittle failed to render: cannot render"],
    ["bigint", "Test.Brittle failed to render: Test.Brittle.value: a bigint has no place in JSON"],
  ])("server.md: %s turns the reply into an error and downs that root only", async (to, cause) => {
    const server = new StoreServer([Brittle]);
    const ended: unknown[] = [];
    server.pubsub.subscribe("ended", (message) => ended.push(message));
    const client = await server.connect();
    const root = await client.mount("Test.Brittle");
    const other = await client.mount("Test.Brittle", "2");
    const from = client.received.length;
    const [failed, waiting] = [client.command(root, "set", { to }), client.command(root, "set", { to: "x" })];
    expect(await failed).toEqual({ status: "error", response: { reason: "render_failed", code: "render_failed" } });
    expect(await waiting).toEqual({ status: "error", response: { reason: "root_down", code: "root_down" } });
    await turns();
    expect(outline(client.received.slice(from))).toEqual(["error", "error", "root_down"]);
    expect(client.received.at(-1)).toMatchObject({
      payload: { root_id: root, reason: "render_failed", retry: true },
    });
    expect(server.log.causes).toEqual([cause]);
    // It ends with the state of its last good message.
    expect(ended).toEqual([["down", 1]]);
    expect((await client.command(root, "set", { to: "x" })).response["code"]).toBe("unknown_root");
    expect((await client.command(other, "set", { to: "y" })).status).toBe("ok");
    await client.mount("Test.Brittle");
    expect(client.tree(root)).toMatchObject({ value: 1 });
  });

  test.each([
    ["dispatchCommand", "reserved_field"],
    ["subscribe", "reserved_field"],
    ["handleEvent", "reserved_field"],
    ["snapshot", "reserved_field"],
    ["__musubi_store_id__", "reserved_field"],
  ])("protocol.md 4: the field %s is refused", async (field) => {
    const Reserved = defineStore("Test.Reserved", { mount: () => ({}), render: () => ({ [field]: 1 }) });
    const server = new StoreServer([Reserved]);
    const client = await server.connect();
    const reply = await client.push("mount", { module: "Test.Reserved", id: "1", params: {} });
    expect(reply).toEqual({ status: "error", response: { reason: "render_failed", code: "render_failed" } });
    expect(server.log.causes[0]).toContain(`.${field}: this name is reserved`);
  });

  test.each(["constructor", "prototype"])("protocol.md 4: no child can sit below %s", async (field) => {
    const Kid = defineStore("Test.Kid", { mount: () => ({}), render: () => ({}) });
    const Above = defineStore("Test.Above", {
      mount: () => ({}),
      render: () => ({ list: [{ [field]: [child(Kid, { id: "kid" })] }] }),
    });
    const server = new StoreServer([Above]);
    const client = await server.connect();
    const reply = await client.push("mount", { module: "Test.Above", id: "1", params: {} });
    expect(reply.response["code"]).toBe("render_failed");
    expect(server.log.causes[0]).toContain("no child store can sit below this name");
  });

  test("a render that is no object, names an unknown stream or changes something is refused", async () => {
    const outputs: Record<string, () => unknown> = {
      list: () => [],
      nothing: () => undefined,
      promise: async () => ({}),
      stream: () => ({ log: stream("log") }),
    };
    for (const [name, output] of Object.entries(outputs)) {
      const Odd = defineStore("Test.Odd", { mount: () => ({}), render: () => output() as object });
      const client = await new StoreServer([Odd]).connect();
      const reply = await client.push("mount", { module: "Test.Odd", id: "1", params: {} });
      expect(reply.response["code"], name).toBe("render_failed");
    }
    let held: { assign(partial: object): void } | null = null;
    const Impure = defineStore("Test.Impure", {
      mount: () => ({ count: 0 }),
      render: ({ count }) => {
        held?.assign({ count: count + 1 });
        return { count };
      },
      commands: {
        go: command((ctx) => {
          held = ctx;
          ctx.assign({ count: 1 });
        }),
      },
    });
    const server = new StoreServer([Impure]);
    const client = await server.connect();
    const root = await client.mount("Test.Impure");
    expect((await client.command(root, "go")).response["code"]).toBe("render_failed");
    expect(server.log.causes[0]).toContain("render is pure");
  });
});
