import { rename } from "node:fs/promises";
import { join } from "node:path";
import {
  command,
  defineStore,
  type InferStores,
  type MusubiServer,
  Rejection,
  type UploadedFile,
  upload,
} from "@musubi/server";
import { Socket } from "phoenix";
import * as v from "valibot";
import { WebSocket } from "ws";
import { hashOfFile } from "./store-upload-server.js";

/** A store with slots of every kind. External files go to `targetUrl`; "move.bin" is moved to the folder `kept`. */
export const defineAlbum = (targetUrl: string, kept: string) =>
  defineStore("Album", {
    mount: () => ({ saved: [] as readonly string[] }),
    uploads: {
      photos: { accept: [".bin", "text/*"], maxEntries: 5, maxFileSize: 30_000, chunkSize: 1_000 },
      cover: { chunkSize: 1_000, chunkTimeoutMs: 60_000 },
      auto: { autoUpload: true },
      elsewhere: {
        maxEntries: 3,
        async presign({ ref, name }) {
          if (name.startsWith("never")) throw new Rejection("quota");
          if (name.startsWith("broken")) throw new Error("secret");
          const path = name.startsWith("forbidden") ? "forbidden" : ref;
          return { uploader: "put", meta: { url: `${targetUrl}/${path}` } };
        },
      },
    },
    render: ({ saved }) => ({
      saved,
      photos: upload("photos"),
      cover: upload("cover"),
      auto: upload("auto"),
      elsewhere: upload("elsewhere"),
    }),
    commands: {
      save: command(v.object({ postpone: v.optional(v.string(), "") }), async (ctx, { postpone }) => {
        const consume = async ({ path, name }: UploadedFile, keep: () => void): Promise<string> => {
          if (name === postpone) keep();
          else if (name === "move.bin") {
            await rename(path, join(kept, "moved"));
            return "moved";
          }
          return hashOfFile(path);
        };
        const photos = await ctx.consumeUploadedEntries("photos", consume);
        const cover = await ctx.consumeUploadedEntries("cover", consume);
        ctx.assign({ saved: [...ctx.assigns.saved, ...photos, ...cover] });
        return { hashes: [...photos, ...cover] };
      }),
      saveElsewhere: command(async (ctx) => ({
        names: await ctx.consumeUploadedEntries("elsewhere", ({ name, uploader }) => `${name} by ${uploader}`),
      })),
      fail: command(async (ctx) => {
        await ctx.consumeUploadedEntries("photos", () => 1);
        ctx.cancelUpload("cover");
        throw new Error("after all");
      }),
      drop: command((ctx) => ctx.cancelUpload("photos")),
    },
  });

export type AlbumStores = InferStores<MusubiServer<[ReturnType<typeof defineAlbum>]>>;

/** A phoenix.js socket that comes back at once. */
export function quickSocket(url: string, params: object = {}): Socket {
  return new Socket(url, { transport: WebSocket, params, reconnectAfterMs: () => 5, rejoinAfterMs: () => 5 });
}
