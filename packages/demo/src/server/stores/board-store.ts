import { child, command, defineStore } from "@musubi/server";
import * as v from "valibot";
import { applyEdit } from "../../shared/edit.js";
import { BOARD_TOPIC, type BoardRecord, type CommittedEdit } from "../board-records.js";
import { commit, type Services } from "../commit.js";
import { Before, FileId, Id, Title } from "../inputs.js";
import { createColumnStore } from "./column-store.js";

/**
 * The board: a root store. Commands write to the database; what every mounted board shows comes from what the
 * database tells afterwards, its own edits included.
 */
export const createBoardStore = (services: Services) => {
  const ColumnStore = createColumnStore(services);
  return defineStore("Demo.Board", {
    mount: async (ctx): Promise<BoardRecord> => {
      // Subscribed before loading: an edit committed in between is told twice rather than never.
      ctx.subscribe(BOARD_TOPIC, "committed");
      return services.records.load();
    },
    render: (board) => ({
      title: board.title,
      revision: board.revision,
      columns: board.columns.map((column) => child(ColumnStore, { id: column.id, column })),
    }),
    commands: {
      addColumn: command(v.object({ columnId: Id, title: Title }), (ctx, { columnId, title }) =>
        commit(services, ctx, { kind: "addColumn", columnId, title }),
      ),
      moveColumn: command(v.object({ columnId: Id, beforeId: Before }), (ctx, { columnId, beforeId }) =>
        commit(services, ctx, { kind: "moveColumn", columnId, beforeId }),
      ),
      attachFile: command(v.object({ cardId: Id, fileId: FileId }), async (ctx, { cardId, fileId }) => {
        const file = await services.records.file(fileId);
        if (file?.cardId !== cardId) return ctx.reject("file_gone");
        const { id, name, type, size } = file;
        return commit(services, ctx, { kind: "attachFile", cardId, file: { id, name, type, size } });
      }),
      detachFile: command(v.object({ cardId: Id, fileId: FileId }), (ctx, { cardId, fileId }) =>
        commit(services, ctx, { kind: "detachFile", cardId, fileId }),
      ),
      moveCard: command(v.object({ cardId: Id, columnId: Id, beforeId: Before }), (ctx, move) =>
        commit(services, ctx, { kind: "moveCard", ...move }),
      ),
    },
    info: {
      committed: (ctx, { revision, edit }: CommittedEdit) => {
        if (revision <= ctx.assigns.revision) return;
        ctx.assign({ revision, columns: applyEdit(ctx.assigns, edit).columns });
      },
    },
  });
};
