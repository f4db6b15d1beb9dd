import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { turns } from "../stores/store-client.test.util.js";
import { bytes, FILE, type MountedSlots, mountSlots } from "./mount-slots.test.util.js";

let server: MountedSlots["server"];
let client: MountedSlots["client"];
let held: MountedSlots["held"];
let consumed: MountedSlots["consumed"];

beforeEach(async () => {
  ({ server, client, held, consumed } = await mountSlots());
});

afterEach(async () => {
  expect(await server.close()).toEqual({ timers: 0, files: [] });
});

const ops = () => client.ops.filter(({ op }) => op !== "config");

describe("a file that is under way", () => {
  test("protocol.md 6: it is announced as pending, arrives, is consumed once, and its bytes are there to read", async () => {
    const { ref, token } = await client.allow(10);
    expect(ops()).toEqual([
      {
        op: "add",
        ref,
        entry: {
          ref,
          client_name: "a.bin",
          client_size: 10,
          client_type: "",
          progress: 0,
          status: "pending",
          errors: [],
        },
        ...FILE,
      },
    ]);
    expect(await client.open({ ref, token })).toEqual({ status: "ok", response: { offset: 0 } });
    expect((await client.chunk(ref, bytes("0123"))).response).toEqual({ progress: 40 });
    expect((await client.chunk(ref, bytes("4567"))).response).toEqual({ progress: 80 });
    expect((await client.chunk(ref, bytes("89"))).response).toEqual({ progress: 100 });
    await turns();
    expect(ops().at(-1)).toEqual({ op: "complete", ref, ...FILE });
    // One more is none of it, and does it no harm.
    expect((await client.chunk(ref, bytes("x"))).response).toMatchObject({ reason: "too_large" });
    // Its last answer may have been lost.
    expect((await client.open({ ref, token })).response).toEqual({ offset: 10 });
    expect((await client.command("consume")).response).toEqual({ names: ["a.bin"], again: [] });
    expect(consumed).toEqual([{ name: "a.bin", bytes: "0123456789" }]);
    expect((await client.command("consume")).response).toEqual({ names: [], again: [] });
    expect((await client.open({ ref, token })).response).toMatchObject({ reason: "unknown_upload" });
    await expect.poll(() => server.files()).toEqual([]);
  });

  test("server.md 3: answers to chunks do not wait for the root, and the news of them does", async () => {
    const { ref, token } = await client.allow(8);
    const waiting = client.command("wait");
    await client.open({ ref, token });
    expect((await client.chunk(ref, bytes("0123"))).response).toEqual({ progress: 50 });
    expect((await client.chunk(ref, bytes("4567"))).response).toEqual({ progress: 100 });
    await turns();
    expect(ops().length).toBe(1);
    held.open();
    await waiting;
    await turns();
    expect(ops().slice(1)).toEqual([{ op: "complete", ref, ...FILE }]);
  });

  test("server.md 4: progress is told ten times a second at most, and the last one always", async () => {
    const { ref, token } = await client.allow(100);
    await client.open({ ref, token });
    const progress = () => ops().flatMap((op) => (op.op === "progress" ? [op.progress] : []));
    for (let at = 0; at < 5; at++) await client.chunk(ref, bytes("0123"));
    await turns();
    expect(progress()).toEqual([4]);
    server.clock.advance(99);
    await turns();
    expect(progress()).toEqual([4]);
    server.clock.advance(1);
    await turns();
    expect(progress()).toEqual([4, 20]);
    // Nothing new, nothing sent.
    const { length } = client.envelopes;
    server.clock.advance(1_000);
    await turns();
    expect(client.envelopes.length).toBe(length);
    await client.chunk(ref, bytes("0123"));
    await turns();
    expect(progress()).toEqual([4, 20, 24]);
  });

  test("protocol.md 6: no chunk in time is chunk_timeout: the client is told, then the channel is closed, and the file goes", async () => {
    const { ref, token } = await client.allow(8);
    await client.open({ ref, token });
    await client.chunk(ref, bytes("0123"));
    server.clock.advance(4_999);
    // No bytes are no sign of life.
    expect((await client.chunk(ref, new Uint8Array())).response).toEqual({ progress: 50 });
    expect(client.closed).toEqual([]);
    server.clock.advance(1);
    expect(client.closed).toEqual([]);
    await turns();
    expect(ops().at(-1)).toMatchObject({ op: "error", ref, error: { code: "chunk_timeout" } });
    expect(client.closed).toEqual([`musubi_upload:${ref}`]);
    // Whoever hears of the end of the channel knows why.
    expect(client.log.slice(-2)).toEqual(["error", "close"]);
    await expect.poll(() => server.files()).toEqual([]);
  });

  test.each(["catches up", "unmounts"])(
    "outlet rule 6: the channel of a file that failed stays open until a client that is behind %s",
    async (end) => {
      const { ref, token } = await client.allow(8);
      await client.open({ ref, token });
      client.line.unsentBytes = Number.POSITIVE_INFINITY;
      server.clock.advance(5_000);
      await turns();
      expect([client.closed, client.log.includes("error")]).toEqual([[], false]);
      if (end === "unmounts") await client.push("unmount", {});
      else client.line.drain();
      await turns();
      expect(client.closed).toEqual([`musubi_upload:${ref}`]);
      expect(client.log.slice(-2)).toEqual(end === "unmounts" ? ["add", "close"] : ["error", "close"]);
    },
  );

  test("server.md 4: a root that ends before it could tell why closes the channel all the same", async () => {
    const { ref, token } = await client.allow(8);
    await client.open({ ref, token });
    const waiting = client.command("wait");
    await turns();
    server.clock.advance(5_000);
    await turns();
    expect(client.closed).toEqual([]);
    await client.push("unmount", {});
    held.open();
    await waiting;
    await expect.poll(() => client.closed).toEqual([`musubi_upload:${ref}`]);
    expect(client.log.at(-1)).toBe("close");
  });

  test("server.md 4: chunks that wait behind the one that is being written do not count once another has joined", async () => {
    const { ref, token } = await client.allow(12);
    await client.open({ ref, token });
    const second = await server.connect();
    void client.chunk(ref, bytes("0123"));
    void client.chunk(ref, bytes("xxxx"));
    expect((await second.open({ ref, token })).response).toEqual({ offset: 4 });
    await second.chunk(ref, bytes("4567"));
    expect((await second.chunk(ref, bytes("89ab"))).response).toEqual({ progress: 100 });
    await client.command("consume");
    expect(consumed).toEqual([{ name: "a.bin", bytes: "0123456789ab" }]);
  });

  test("server.md 4: one that rests for the life of a token has failed; one that has begun may go on with its token", async () => {
    const { ref, token } = await client.allow(8);
    const other = await client.allow(8);
    await client.open({ ref, token });
    server.clock.advance(4_000);
    await client.chunk(ref, bytes("0123"));
    await client.leave(`musubi_upload:${ref}`);
    server.clock.advance(599_000);
    await turns();
    // The token is older than it may be to begin with, and the other one's time is over.
    expect(ops().at(-1)).toMatchObject({ op: "error", ref: other.ref, error: { code: "chunk_timeout" } });
    expect((await client.open({ ref, token })).response).toEqual({ offset: 4 });
    await client.leave(`musubi_upload:${ref}`);
    server.clock.advance(600_000);
    await turns();
    expect(ops().at(-1)).toMatchObject({ op: "error", ref, error: { code: "chunk_timeout" } });
  });

  test("protocol.md 6: a token is too old to begin with, even for an entry that a join has kept", async () => {
    const { ref, token } = await client.allow(8);
    server.clock.advance(599_000);
    expect((await client.open({ ref, token })).status).toBe("ok");
    await client.leave(`musubi_upload:${ref}`);
    server.clock.advance(1_001);
    expect((await client.open({ ref, token })).response).toMatchObject({ reason: "invalid_token" });
  });

  test("server.md 4: a later join takes it over, and what an older one still sends counts for nothing", async () => {
    const { ref, token } = await client.allow(12);
    await client.open({ ref, token });
    await client.chunk(ref, bytes("0123"));
    const second = await server.connect();
    const last = client.chunk(ref, bytes("4567"));
    // The chunk is being written: it counts, and the offset says so.
    expect((await second.open({ ref, token })).response).toEqual({ offset: 8 });
    await last;
    await expect.poll(() => client.closed).toEqual([`musubi_upload:${ref}`]);
    expect((await client.chunk(ref, bytes("4567"))).status).toBe("error");
    expect((await second.chunk(ref, bytes("89ab"))).response).toEqual({ progress: 100 });
    await client.command("consume");
    expect(consumed).toEqual([{ name: "a.bin", bytes: "0123456789ab" }]);
  });

  test("server.md 4: one that cannot be written has failed, and the log says why", async () => {
    const { ref, token } = await client.allow(8);
    await client.open({ ref, token });
    await client.chunk(ref, bytes("0123"));
    await client.leave(`musubi_upload:${ref}`);
    const path = join(server.directory, server.files()[0] as string);
    // The open file is let go of first.
    await client.open({ ref, token });
    await client.leave(`musubi_upload:${ref}`);
    rmSync(path);
    mkdirSync(path);
    await client.open({ ref, token });
    expect((await client.chunk(ref, bytes("4567"))).response).toMatchObject({ reason: "internal" });
    await turns();
    expect(ops().at(-1)).toMatchObject({ op: "error", ref, error: { code: "internal" } });
    expect(server.log.causes).toMatchObject([/EISDIR/]);
  });

  test("protocol.md 6: an upload that nobody announced, a slot that nobody declared and another store's entry are unknown", async () => {
    const { ref, token } = await client.allow(8);
    const unknown = { status: "error", response: { reason: "unknown_upload", code: "unknown_upload" } };
    const file = { store_id: [], name: "file", ref };
    expect(await client.open({ ref: "constructor", token })).toEqual(unknown);
    expect(await client.push("allow_upload", { ...file, name: "toString", entries: [] })).toEqual(unknown);
    expect(await client.push("cancel_upload", { ...file, ref: "nobody" })).toEqual(unknown);
    expect(await client.push("cancel_upload", { ...file, store_id: ["row"] })).toEqual(unknown);
    // It takes bytes, and no reports.
    expect(await client.push("upload_progress", { ...file, progress: 100 })).toEqual(unknown);
    expect(await client.push("upload_error", { ...file, code: "x", message: "x" })).toEqual(unknown);
    expect((await client.push("allow_upload", { ...file, store_id: ["gone"], entries: [] })).response).toMatchObject({
      reason: "unknown_store",
    });
    expect((await client.command("cancelUnknown")).status).toBe("ok");
    expect((await client.command("consumeNone")).response).toMatchObject({ reason: "internal" });
    expect(await client.push("cancel_upload", file)).toEqual({ status: "ok", response: {} });
    expect(await client.push("cancel_upload", file)).toEqual(unknown);
  });
});
