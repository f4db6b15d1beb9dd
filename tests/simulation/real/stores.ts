import { child, command, defineStore, type MusubiServer, stream, type } from "@musubi/server";
import * as v from "valibot";
import { type CardData, type Change, isOdd, KEPT_LINES, KEPT_NOTES, type Line } from "./ledger.js";
import { MOODS, type SimProcess } from "./sim-process.js";

/** The id of a page that cannot be mounted. */
export const FORBIDDEN = "forbidden";

const asked = v.object({ token: v.string(), mood: v.picklist(MOODS), seed: v.number() });

/** The root store of the simulated application, as one process serves it. */
export function createBoard(process: SimProcess) {
  const Card = defineStore("Sim.Card", {
    params: type<{ card: CardData; page: string }>(),
    streams: { notes: { key: (line: Line) => line.id, limit: -KEPT_NOTES } },
    mount: (ctx, { card, page }) => {
      ctx.subscribe(`${page}/${card.id}`, "noted");
      // Without a reset: what a store of the same id has left behind is the server's to clear.
      for (const note of process.notes(page, card.id)) ctx.stream("notes").insert(note);
      return {};
    },
    render: (_assigns, { params: { card } }) => ({
      id: card.id,
      text: card.text,
      marks: card.marks,
      notes: stream("notes"),
    }),
    commands: { act: command(asked, (ctx, payload) => process.act(ctx.params.page, payload, ctx.signal)) },
    info: { noted: (ctx, line: Line) => ctx.stream("notes").insert(line) },
  });

  return defineStore("Sim.Board", {
    params: v.object({ delayMs: v.number() }),
    streams: { lines: { key: (line: Line) => line.id, limit: -KEPT_LINES } },
    events: { changed: type<{ rev: number }>() },
    mount: async (ctx, { delayMs }) => {
      ctx.subscribe(ctx.id, "changed");
      await process.wait(delayMs, ctx.signal);
      if (ctx.id === FORBIDDEN) ctx.refuse("forbidden");
      const page = process.page(ctx.id);
      for (const line of page.lines) ctx.stream("lines").insert(line);
      return { page, digest: ctx.assignAsync("digest", (signal) => process.digest(page.rev, signal)) };
    },
    render: ({ page, digest }) => {
      const place = (card: CardData) => child(Card, { id: card.id, card, page: page.id });
      return {
        rev: page.rev,
        title: page.title,
        // Cards move between the two as they are marked.
        even: page.cards.filter((card) => !isOdd(card)).map(place),
        odd: Object.fromEntries(page.cards.filter(isOdd).map((card) => [card.id, place(card)])),
        digest,
        lines: stream("lines"),
      };
    },
    commands: {
      act: command(asked, (ctx, payload) => {
        if (payload.mood !== "ok" && payload.mood !== "slow") {
          // Of this nothing may ever be seen.
          ctx.assign({ page: { ...ctx.assigns.page, title: "undone" } });
          ctx.stream("lines").insert({ id: "undone", text: "undone" });
          ctx.pushEvent("changed", { rev: -1 });
        }
        return process.act(ctx.id, payload, ctx.signal);
      }),
    },
    info: {
      changed: (ctx, { page, lineOps }: Change) => {
        // Read by `mount` already.
        if (page.rev <= ctx.assigns.page.rev) return;
        ctx.assign({ page });
        for (const op of lineOps) {
          if (op.op === "delete") ctx.stream("lines").delete(op.id);
          else ctx.stream("lines").insert(op.line, { at: op.isFirst ? 0 : -1 });
        }
        ctx.pushEvent("changed", { rev: page.rev });
        ctx.assignAsync("digest", (signal) => process.digest(page.rev, signal));
      },
    },
  });
}

/** What clients know of it. */
export type SimServer = MusubiServer<readonly [ReturnType<typeof createBoard>]>;
