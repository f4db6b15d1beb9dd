import type { FieldsOf, UploadField } from "@musubi/protocol";
import * as v from "valibot";
import { createMusubiServer, type InferStores } from "../create-server.js";
import { command } from "../stores/command.js";
import { defineStore } from "../stores/define-store.js";
import { upload } from "../stores/placeholders.js";
import type { UploadedElsewhere, UploadedFile } from "./upload-definition.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<_Check extends true>(): void {}

const Expenses = defineStore("Expenses", {
  mount: () => ({ urls: [] as readonly string[] }),
  uploads: {
    receipt: { accept: [".pdf"], maxEntries: 1, maxFileSize: 5_000_000 },
    video: {
      presign: async (file, { signal, user }) => {
        expectType<Equal<typeof file.name, string>>();
        expectType<Equal<typeof signal, AbortSignal>>();
        void user;
        return { uploader: "put", meta: { url: `https://store.example/${file.ref}` } };
      },
    },
  },
  render: ({ urls }) => ({ urls, receipt: upload("receipt"), nested: { videos: [upload("video")] } }),
  commands: {
    save: command(v.object({ note: v.string() }), async (ctx, { note }) => {
      const sizes = await ctx.consumeUploadedEntries("receipt", async (entry, postpone) => {
        expectType<Equal<typeof entry, UploadedFile>>();
        if (note === "") postpone();
        return entry.size;
      });
      expectType<Equal<typeof sizes, number[]>>();
      const urls = await ctx.consumeUploadedEntries("video", (entry) => {
        expectType<Equal<typeof entry, UploadedElsewhere>>();
        // @ts-expect-error nothing of it is here
        return String(entry.path);
      });
      ctx.assign({ urls });
      ctx.cancelUpload("video", "ref");
      ctx.cancelUpload("receipt");
      // @ts-expect-error there is no such upload
      ctx.cancelUpload("other");
      // @ts-expect-error there is no such upload
      await ctx.consumeUploadedEntries("other", () => 1);
      return { count: urls.length };
    }),
  },
  info: { drop: (ctx) => ctx.cancelUpload("receipt") },
});

// @ts-expect-error a number of files
defineStore("Wrong", { uploads: { a: { maxEntries: "1" } }, mount: () => ({}), render: () => ({}) });

const Plain = defineStore("Plain", {
  mount: () => ({ on: true }),
  render: ({ on }) => ({ on }),
  commands: {
    // @ts-expect-error a store without uploads has none to cancel
    drop: command((ctx) => ctx.cancelUpload("receipt")),
  },
});

const musubi = createMusubiServer({ stores: [Expenses, Plain] });
type Stores = InferStores<typeof musubi>;
type Fields = FieldsOf<Stores["Expenses"]>;
expectType<Equal<Fields["receipt"], UploadField>>();
expectType<Equal<Fields["nested"], { videos: UploadField[] }>>();
