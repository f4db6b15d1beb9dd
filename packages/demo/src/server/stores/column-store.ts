import { child, command, defineStore, type } from "@musubi/server";
import * as v from "valibot";
import type { Column } from "../../shared/board.js";
import { commit, type Services } from "../commit.js";
import { Id, Title } from "../inputs.js";
import { createCardStore } from "./card-store.js";

/** A column with its cards: a child store of the board. */
export const createColumnStore = (services: Services) => {
  const CardStore = createCardStore(services);
  return defineStore("Demo.Column", {
    params: type<{ id: string; column: Column }>(),
    mount: () => ({}),
    render: (_assigns, { params: { column } }) => ({
      id: column.id,
      title: column.title,
      cards: column.cards.map((card) => child(CardStore, { id: card.id, card })),
    }),
    commands: {
      addCard: command(v.object({ cardId: Id, title: Title }), (ctx, { cardId, title }) =>
        commit(services, ctx, { kind: "addCard", cardId, columnId: ctx.params.id, title }),
      ),
      rename: command(v.object({ title: Title }), (ctx, { title }) =>
        commit(services, ctx, { kind: "renameColumn", columnId: ctx.params.id, title }),
      ),
      remove: command((ctx) => commit(services, ctx, { kind: "removeColumn", columnId: ctx.params.id })),
    },
  });
};
