import { command, defineStore, upload } from "@musubi/server";
import * as v from "valibot";
import { MAX_FILE_SIZE } from "../../shared/board.js";
import { commit, type Services } from "../commit.js";
import { Id } from "../inputs.js";

/**
 * Where files for one card arrive: a root store whose id is the card's. The page mounts it with the card's sheet, and
 * has what arrived put on the board with `keep`.
 */
export const createAttachmentsStore = (services: Services) =>
  defineStore("Demo.Attachments", {
    uploads: { files: { maxEntries: 6, maxFileSize: MAX_FILE_SIZE, autoUpload: true } },
    mount: async (ctx) => {
      if (v.is(Id, ctx.id) && (await services.records.hasCard(ctx.id))) return {};
      return ctx.refuse("card_gone");
    },
    render: () => ({ files: upload("files") }),
    commands: {
      keep: command(async (ctx) => {
        const cardId = ctx.id;
        const kept = await ctx.consumeUploadedEntries("files", async ({ ref, path, name, type, size }) => {
          const id = await services.shelf.keep(ref, path);
          const file = { id, name: name.slice(0, 200), type: type.slice(0, 100), size };
          await services.records.keepFile(cardId, file);
          return commit(services, ctx, { kind: "attachFile", cardId, file });
        });
        return { kept: kept.length };
      }),
    },
  });
