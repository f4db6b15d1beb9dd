import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { command } from "../stores/command.js";
import { defineStore } from "../stores/define-store.js";
import { child, upload } from "../stores/placeholders.js";
import { Rejection } from "../stores/rejection.js";
import { renderStore } from "../stores/render-store.js";
import { LogRecorder, ManualClock } from "../stores/store-client.test.util.js";

const paths: string[] = [];

const Part = defineStore("Sent.Part", {
  mount: () => ({}),
  uploads: { scan: {} },
  render: () => ({ scan: upload("scan") }),
});

const Form = defineStore("Sent.Form", {
  mount: () => ({ texts: [] as readonly string[] }),
  uploads: {
    receipt: { accept: [".txt"], maxEntries: 2, chunkSize: 3 },
    video: {
      presign: ({ name }) => {
        if (name === "no") throw new Rejection("quota");
        return { uploader: "put", meta: { to: name } };
      },
    },
  },
  render: ({ texts }) => ({
    texts,
    receipt: upload("receipt"),
    video: upload("video"),
    part: child(Part, { id: "p" }),
  }),
  commands: {
    save: command(async (ctx) => {
      const texts = await ctx.consumeUploadedEntries("receipt", ({ path }) => {
        paths.push(path);
        return readFileSync(path, "utf8");
      });
      const videos = await ctx.consumeUploadedEntries("video", ({ meta }) => JSON.stringify(meta));
      ctx.assign({ texts: [...texts, ...videos] });
    }),
  },
});

test("server.md 4: a test of a store sends files without sockets, and the store has them as from a client", async () => {
  const clock = new ManualClock();
  const view = await renderStore(Form, {}, { clock });
  const ref = await view.upload("receipt", { name: "a.txt", content: "0123456789" });
  await view.upload("receipt", { name: "empty.txt", content: new Uint8Array() });
  await view.upload("video", { name: "v.mp4", content: "x" });
  await view.upload("scan", { name: "s", content: "x" }, ["p"]);
  const ops = view.envelopes.flatMap(({ upload_ops = [] }) => upload_ops);
  expect(ops.filter((op) => "ref" in op && op.ref === ref).map(({ op }) => op)).toEqual([
    "add",
    "progress",
    "complete",
  ]);
  await view.dispatch("save");
  expect(view.state.texts).toEqual(["0123456789", "", '{"to":"v.mp4"}']);
  await view.unmount();
  expect(paths.map((path) => existsSync(path))).toEqual([false, false]);
  expect(clock.pending).toBe(0);
});

test("server.md 4: what a slot does not take rejects with the slot's reasons", async () => {
  const view = await renderStore(Form, {}, { logger: new LogRecorder() });
  const refusal = (code: string) => ({ code: "preflight_rejected", details: { errors: [{ code }] } });
  await expect(view.upload("receipt", { name: "a.exe", content: "x" })).rejects.toMatchObject(refusal("not_accepted"));
  await expect(view.upload("video", { name: "no", content: "x" })).rejects.toMatchObject(refusal("quota"));
  await expect(view.upload("nothing", { name: "a", content: "x" })).rejects.toMatchObject({
    details: { code: "unknown_upload" },
  });
  await view.unmount();
});
