import { command, defineStore, type } from "@musubi/server";
import * as v from "valibot";
import type { Card } from "../../shared/board.js";
import { commit, type Services } from "../commit.js";
import { LabelName, Note, Title } from "../inputs.js";

/** A card: a child store of its column. */
export const createCardStore = (services: Services) =>
  defineStore("Demo.Card", {
    params: type<{ id: string; card: Card }>(),
    mount: () => ({}),
    render: (_assigns, { params: { card } }) => ({
      id: card.id,
      title: card.title,
      note: card.note,
      label: card.label,
      files: card.files,
    }),
    commands: {
      edit: command(v.object({ title: Title, note: Note }), (ctx, { title, note }) =>
        commit(services, ctx, { kind: "editCard", cardId: ctx.params.id, title, note }),
      ),
      setLabel: command(v.object({ label: LabelName }), (ctx, { label }) =>
        commit(services, ctx, { kind: "labelCard", cardId: ctx.params.id, label }),
      ),
      remove: command((ctx) => commit(services, ctx, { kind: "removeCard", cardId: ctx.params.id })),
    },
  });
