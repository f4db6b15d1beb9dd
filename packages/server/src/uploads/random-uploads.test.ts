import { readFileSync } from "node:fs";
import type { UploadOp } from "@musubi/protocol";
import { expect, test } from "vitest";
import { command } from "../stores/command.js";
import { defineStore } from "../stores/define-store.js";
import { upload } from "../stores/placeholders.js";
import { type Reply, turns } from "../stores/store-client.test.util.js";
import { Dice, type UploadClient, UploadServer } from "./upload-client.test.util.js";

/**
 * Random uploads: chunks of any size, several at a time, cuts in the middle of them, joins from a second socket, frames of
 * older joins, cancels, failing commands, silence. Whatever is consumed has every byte at its place; each entry is told
 * once and ends at most once; nothing is left.
 */

/** One file as the test knows it: the byte at each offset follows from its number. */
interface File {
  readonly ref: string;
  readonly token: string;
  readonly size: number;
  readonly content: Uint8Array;
  /** How many bytes each client believes to be there, for those whose join is good. */
  readonly believed: Map<UploadClient, number>;
}

const consumed: { readonly ref: string; readonly content: Uint8Array }[] = [];

const A = defineStore("A", {
  mount: () => ({}),
  uploads: { file: { maxEntries: 6, chunkSize: 7, maxFileSize: 40, chunkTimeoutMs: 5_000 } },
  render: () => ({ file: upload("file") }),
  commands: {
    consume: command(async (ctx) => {
      await ctx.consumeUploadedEntries("file", ({ ref, path }) => {
        consumed.push({ ref, content: readFileSync(path) });
      });
    }),
    fail: command(async (ctx) => {
      await ctx.consumeUploadedEntries("file", () => {});
      ctx.cancelUpload("file");
      throw new Error("after all");
    }),
    cancel: command((ctx) => ctx.cancelUpload("file")),
  },
});

/** What waits at a channel that ends gets no answer, as in Phoenix. */
function soon(reply: Promise<Reply>): Promise<Reply> {
  return Promise.race([reply, turns(200).then(() => ({ status: "none", response: {} }))]);
}

function checkOps(ops: readonly UploadOp[], why: string): void {
  const ended = new Map<string, string>();
  const progress = new Map<string, number>();
  for (const op of ops) {
    if (op.op === "config" || op.op === "reset") continue;
    const ref = op.ref as string;
    if (op.op === "add") {
      expect(progress.has(ref), why).toBe(false);
      progress.set(ref, 0);
      continue;
    }
    expect(progress.has(ref), `${why}: ${op.op} before add`).toBe(true);
    if (op.op === "progress") {
      expect(ended.has(ref), `${why}: progress after ${ended.get(ref)}`).toBe(false);
      expect(op.progress, why).toBeGreaterThanOrEqual(progress.get(ref) as number);
      progress.set(ref, op.progress);
    } else {
      // What is complete can still be cancelled; nothing else follows an end.
      const before = ended.get(ref);
      const isFine = before === undefined || (before === "complete" && op.op === "cancel");
      expect(isFine, `${why}: ${op.op} after ${before}`).toBe(true);
      ended.set(ref, op.op);
    }
  }
}

async function run(seed: number): Promise<void> {
  const dice = new Dice(seed);
  const why = `seed ${seed}`;
  consumed.length = 0;
  const server = new UploadServer([A]);
  const owner = await server.connect();
  await owner.mount();
  const files: File[] = [];
  /** The owner's socket, and one that comes and goes. */
  let clients = [owner, await server.connect()];

  const send = async (file: File, client: UploadClient): Promise<void> => {
    const at = file.believed.get(client);
    if (at === undefined) return;
    const bytes = file.content.subarray(at, Math.min(file.size, at + 1 + dice.below(7)));
    file.believed.delete(client);
    const { status, response } = await soon(client.chunk(file.ref, bytes));
    if (status === "ok" && response["progress"] !== undefined) file.believed.set(client, at + bytes.length);
  };

  const steps: readonly (() => unknown)[] = [
    async () => {
      const size = dice.below(41);
      const number = files.length;
      const entry = await owner.allow(size).catch(() => undefined);
      const content = Uint8Array.from({ length: size }, (_, at) => (number * 37 + at * 11 + 1) & 0xff);
      if (entry !== undefined) files.push({ ...entry, size, content, believed: new Map() });
    },
    async () => {
      const file = dice.pick(files.slice(-4));
      const client = dice.pick(clients);
      const { status, response } = await soon(client.open(file));
      // Joining takes it from whoever had it.
      file.believed.clear();
      if (status !== "ok") return;
      file.believed.set(client, response["offset"] as number);
      for (let left = dice.below(12); left > 0; left--) await send(file, client);
    },
    () => send(dice.pick(files.slice(-4)), dice.pick(clients)),
    () => send(dice.pick(files.slice(-4)), dice.pick(clients)),
    async () => {
      const file = dice.pick(files.slice(-4));
      for (const client of clients) for (let left = dice.below(12); left > 0; left--) await send(file, client);
    },
    // Not awaited: what follows may come while it is being written.
    () => void send(dice.pick(files.slice(-4)), dice.pick(clients)),
    // A frame of a join that is no more.
    () => void dice.pick(clients).chunk(dice.pick(files.slice(-4)).ref, new Uint8Array(5), "0"),
    () => void dice.pick(clients).leave(`musubi_upload:${dice.pick(files.slice(-4)).ref}`),
    async () => {
      const [, second] = clients;
      void send(dice.pick(files.slice(-4)), second as UploadClient);
      if (dice.below(2) === 0) await turns(1);
      await second?.drop();
      for (const file of files) file.believed.delete(second as UploadClient);
      clients = [owner, await server.connect()];
    },
    () => void owner.push("cancel_upload", { store_id: [], name: "file", ref: dice.pick(files.slice(-4)).ref }),
    () => (dice.below(8) === 0 ? owner.command("cancel") : undefined),
    () => (dice.below(2) === 0 ? owner.command("consume") : undefined),
    () => owner.command("fail"),
    () => server.clock.advance(dice.below(2_000)),
    () => turns(1),
  ];

  await steps[0]?.();
  for (let step = 0; step < 150; step++) if (files.length > 0 || step % 2 === 0) await dice.pick(steps)();
  await owner.command("consume");
  for (const { ref, content } of consumed) {
    const file = files.find((each) => each.ref === ref);
    expect(Buffer.from(content).equals(file?.content ?? new Uint8Array()), `${why}: ${ref}`).toBe(true);
  }
  expect(new Set(consumed.map(({ ref }) => ref)).size, why).toBe(consumed.length);
  checkOps(owner.ops, why);
  expect(await server.close(), why).toEqual({ timers: 0, files: [] });
  expect(new Set(server.log.causes), why).toEqual(new Set(server.log.causes.length > 0 ? ["after all"] : []));
}

test("server.md 4: random uploads keep every byte, end once, and leave nothing", async () => {
  const seed = Math.floor(Math.random() * 2 ** 30);
  let count = 0;
  for (let each = 0; each < 60; each++) {
    await run(seed + each);
    count += consumed.length;
  }
  // They are not all in vain.
  expect(count).toBeGreaterThan(5);
});
