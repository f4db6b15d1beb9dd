import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { turns } from "../stores/store-client.test.util.js";
import { bytes, FILE, type MountedSlots, mountSlots } from "./mount-slots.test.util.js";
import { UploadServer } from "./upload-client.test.util.js";

let server: MountedSlots["server"];
let client: MountedSlots["client"];
let held: MountedSlots["held"];
let store: MountedSlots["store"];

beforeEach(async () => {
  ({ server, client, held, store } = await mountSlots());
});

afterEach(async () => {
  expect(await server.close()).toEqual({ timers: 0, files: [] });
});

const ops = () => client.ops.filter(({ op }) => op !== "config");

describe("what clients are told of slots", () => {
  test("server.md 4: the first envelope says what each slot takes, and so does that of a store that comes later", async () => {
    expect(client.ops).toEqual([
      {
        op: "config",
        config: { accept: null, max_entries: 3, max_file_size: 100, chunk_size: 4, auto_upload: true },
        ...FILE,
      },
      ...["elsewhere", "refusing", "slow"].map((name) => ({
        op: "config",
        config: { accept: null, max_entries: 1, max_file_size: 8_000_000, chunk_size: 64_000 },
        upload: name,
        store_id: [],
      })),
      {
        op: "config",
        config: { accept: null, max_entries: 1, max_file_size: 8_000_000, chunk_size: 64_000 },
        upload: "file",
        store_id: ["row"],
      },
    ]);
  });

  test("protocol.md 5: a store that takes the place of another with its id begins with a reset of its slots", async () => {
    const { ref, token } = await client.allow(3, "file", ["row"]);
    await client.open({ ref, token });
    await client.command("swap");
    expect(client.envelopes.at(-1)?.upload_ops).toMatchObject([
      { op: "reset", upload: "file", store_id: ["row"] },
      { op: "config", upload: "file", config: { max_entries: 7 } },
      { op: "config", upload: "more" },
    ]);
    // What the former one had is gone, with its channel.
    await expect.poll(() => client.closed).toEqual([`musubi_upload:${ref}`]);
    expect((await client.open({ ref, token })).response).toMatchObject({ reason: "unknown_upload" });
    await client.command("hide");
    await client.command("show");
    expect(client.envelopes.at(-1)?.upload_ops?.map(({ op }) => op)).toEqual(["config", "config"]);
  });
});

describe("consuming and cancelling", () => {
  async function send(text: string): Promise<string> {
    const { ref, token } = await client.allow(text.length);
    await client.open({ ref, token });
    for (let at = 0; at < text.length; at += 4) await client.chunk(ref, bytes(text.slice(at, at + 4)));
    return ref;
  }

  test("server.md 3: what the client cancels while it is consumed has been consumed by its turn", async () => {
    const ref = await send("0123");
    const consuming = client.command("consumeSlowly");
    const cancelling = client.push("cancel_upload", { store_id: [], name: "file", ref });
    await turns();
    held.open();
    expect((await consuming).status).toBe("ok");
    expect((await cancelling).response).toMatchObject({ reason: "unknown_upload" });
  });

  test("server.md 3: a command that ends while it consumes leaves the file to the next one", async () => {
    await send("0123");
    const consuming = client.command("consumeSlowly");
    await turns();
    server.clock.advance(30_000);
    expect((await consuming).response).toMatchObject({ reason: "timeout" });
    held.open();
    await turns();
    expect((await client.command("consume")).response).toEqual({ names: ["a.bin"], again: [] });
  });

  test("server.md 4: of what is cancelled nothing more is told, and another store's files of the same name stay", async () => {
    const { ref, token } = await client.allow(100);
    const other = await client.allow(8, "file", ["row"]);
    await client.open({ ref, token });
    for (let at = 0; at < 3; at++) await client.chunk(ref, bytes("0123"));
    await client.command("cancel");
    server.clock.advance(1_000);
    await turns();
    expect(ops().at(-1)).toEqual({ op: "cancel", ref, ...FILE });
    expect((await client.open(other)).status).toBe("ok");
  });

  test("server.md 4: the store cancels all, in one envelope, and their channels are closed after it", async () => {
    const done = await send("0123");
    const { ref, token } = await client.allow(8);
    await client.open({ ref, token });
    await client.command("cancel");
    expect(client.envelopes.at(-1)?.upload_ops).toEqual([
      { op: "cancel", ref: done, ...FILE },
      { op: "cancel", ref, ...FILE },
    ]);
    await expect.poll(() => client.closed.length).toBe(2);
    expect((await client.chunk(ref, bytes("0"))).status).toBe("error");
  });
});

describe("external slots", () => {
  const about = (ref: string) => ({ store_id: [], name: "elsewhere", ref });

  test("protocol.md 6: progress never goes back, and 100 is the end", async () => {
    const { ref } = await client.allow(8, "elsewhere");
    for (const progress of [30, 20, 40]) {
      expect(await client.push("upload_progress", { ...about(ref), progress })).toEqual({ status: "ok", response: {} });
      server.clock.advance(100);
      await turns();
    }
    await client.push("upload_progress", { ...about(ref), progress: 100 });
    await turns();
    const told = ops().filter(({ upload: name }) => name === "elsewhere");
    expect(told.map((op) => (op.op === "progress" ? op.progress : op.op))).toEqual(["add", 30, 30, 40, "complete"]);
    // It takes no bytes.
    expect((await client.open({ ref, token: "x" })).response).toMatchObject({ reason: "invalid_token" });
    expect((await client.push("upload_progress", { ...about(ref), progress: 101 })).response).toMatchObject({
      reason: "malformed_message",
    });
  });

  test("protocol.md 6: what the client says of a failure is told, cut to size", async () => {
    const { ref } = await client.allow(8, "elsewhere");
    const long = "x".repeat(5_000);
    await client.push("upload_error", { ...about(ref), code: "external_failed", message: long });
    await turns();
    expect(ops().at(-1)).toMatchObject({ op: "error", error: { code: "external_failed", message: "x".repeat(1_024) } });
    expect((await client.push("upload_progress", { ...about(ref), progress: 1 })).response).toMatchObject({
      reason: "unknown_upload",
    });
  });

  test("server.md 3: a presign that takes too long is a timeout, and its places in the bounds are free again", async () => {
    const tight = new UploadServer([store], { maxEntries: 1 });
    const alone = await tight.connect();
    await alone.mount();
    const allowing = alone.allow(8, "slow");
    await turns();
    tight.clock.advance(30_000);
    await expect(allowing).rejects.toThrow("timeout");
    held.open();
    await turns();
    expect(alone.log).not.toContain("add");
    // Refused by presign: that place is free again too.
    await expect(alone.allow(8, "refusing")).rejects.toThrow("quota");
    await alone.allow(8, "slow");
    await expect(alone.allow(8)).rejects.toThrow("overloaded");
    expect(await tight.close()).toEqual({ timers: 0, files: [] });
  });
});
