import { readFileSync } from "node:fs";
import { command } from "../stores/command.js";
import { defineStore } from "../stores/define-store.js";
import { child, upload } from "../stores/placeholders.js";
import { Rejection } from "../stores/rejection.js";
import { type Gate, gate, turns } from "../stores/store-client.test.util.js";
import type { AnyStore } from "../stores/store-types.js";
import { type UploadClient, UploadServer } from "./upload-client.test.util.js";

/** What {@link mountSlots} hands out. */
export interface MountedSlots {
  readonly store: AnyStore;
  readonly server: UploadServer;
  readonly client: UploadClient;
  /** Holds up the commands `wait` and `consumeSlowly`, and the slot `slow`. */
  readonly held: Gate;
  /** What the command `consume` was handed, in order. */
  readonly consumed: { readonly name: string; readonly bytes: string }[];
}

/** How an op says that it is about the slot `file` of the root. */
export const FILE: { readonly upload: string; readonly store_id: string[] } = { upload: "file", store_id: [] };

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const Row = defineStore("Row", {
  mount: () => ({}),
  uploads: { file: {} },
  render: () => ({ file: upload("file") }),
});

/** Takes the place of a `Row` under its id. */
const OtherRow = defineStore("OtherRow", {
  mount: () => ({}),
  uploads: { file: { maxEntries: 7 }, more: {} },
  render: () => ({ file: upload("file") }),
});

/** A server with a store of slots of every kind, and a client that has mounted it. */
export async function mountSlots(): Promise<MountedSlots> {
  const held = gate();
  const consumed: { readonly name: string; readonly bytes: string }[] = [];
  const A = defineStore("A", {
    mount: () => ({ kind: 0, shown: true }),
    uploads: {
      file: { maxEntries: 3, chunkSize: 4, maxFileSize: 100, chunkTimeoutMs: 5_000, autoUpload: true },
      elsewhere: { presign: () => ({ uploader: "put", meta: {} }) },
      refusing: {
        presign: () => {
          throw new Rejection("quota");
        },
      },
      slow: { presign: () => held.promise.then(() => ({ uploader: "put", meta: {} })) },
    },
    render: ({ kind, shown }) => ({
      file: upload("file"),
      row: shown ? child(kind === 0 ? Row : OtherRow, { id: "row" }) : null,
    }),
    commands: {
      wait: command(() => held.promise),
      swap: command((ctx) => ctx.assign({ kind: 1 })),
      hide: command((ctx) => ctx.assign({ shown: false })),
      show: command((ctx) => ctx.assign({ shown: true })),
      consume: command(async (ctx) => {
        const names = await ctx.consumeUploadedEntries("file", ({ name, path }) => {
          consumed.push({ name, bytes: readFileSync(path, "utf8") });
          return name;
        });
        return { names, again: await ctx.consumeUploadedEntries("file", () => 1) };
      }),
      consumeSlowly: command(async (ctx) => {
        await ctx.consumeUploadedEntries("file", () => held.promise);
      }),
      consumeNone: command((ctx) =>
        (ctx as { consumeUploadedEntries(name: string, f: object): void }).consumeUploadedEntries("nothing", () => 1),
      ),
      cancel: command((ctx) => ctx.cancelUpload("file")),
      cancelUnknown: command((ctx) => ctx.cancelUpload("file", "nobody")),
    },
  });
  const server = new UploadServer([A]);
  const client = await server.connect();
  await client.mount();
  await turns();
  return { store: A, server, client, held, consumed };
}
