import * as v from "valibot";
import type { UploadedFile } from "../uploads/upload-definition.js";
import { command } from "./command.js";
import type { AssignsOf, ContextOf, MessagesOf } from "./context-of.js";
import { defineStore } from "./define-store.js";
import { stream, upload } from "./placeholders.js";
import { reject } from "./rejection.js";
import { type } from "./schema.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<_Check extends true>(): void {}

interface Line {
  readonly id: string;
  readonly at: Date;
}

interface Assigns {
  readonly count: number;
  readonly owner: string | null;
}

const Chat = defineStore("Of.Chat", {
  params: v.object({ room: v.string() }),
  streams: { lines: { key: (line: Line) => line.id } },
  events: { said: v.object({ by: v.string() }) },
  uploads: { papers: { maxEntries: 3 } },
  messages: { tick: type<number>() },
  mount: (ctx): Assigns => ({ count: ctx.id.length, owner: null }),
  render: ({ count }) => ({ count, lines: stream("lines"), papers: upload("papers") }),
  info: { tick: (ctx, by) => add(ctx, by) },
  commands: {
    say: command((ctx) => say(ctx, "1")),
    own: command(async (ctx) => {
      // A function that needs all of it: as a statement, since the type of what a handler returns is part of the store.
      await everything(ctx);
    }),
    count: command((ctx): { count: number } => counted(ctx)),
  },
});

// What the definition itself calls names what it needs, and is given more than that.
function add(ctx: ContextOf<{ assigns: Assigns }>, by: number): void {
  ctx.assign({ count: ctx.assigns.count + by });
  // @ts-expect-error there is no such assign
  ctx.assign({ number: 1 });
  // @ts-expect-error no stream was asked for
  ctx.stream("lines");
}

function say(
  ctx: ContextOf<{
    assigns: Assigns;
    streams: { lines: Line };
    events: { said: { by: string } };
    params: { room: string };
  }>,
  id: string,
) {
  ctx.stream("lines").insert({ id, at: new Date(0) });
  ctx.pushEvent("said", { by: ctx.params.room });
  // @ts-expect-error a line has a date
  ctx.stream("lines").insert({ id });
  // @ts-expect-error there is no such event
  ctx.pushEvent("shouted", {});
  return { id };
}

async function everything(ctx: ContextOf<typeof Chat>) {
  ctx.stream("lines").reset();
  ctx.send("tick", 1);
  // @ts-expect-error a message has its type
  ctx.send("tick", "1");
  expectType<Equal<typeof ctx.params, { room: string }>>();
  await ctx.consumeUploadedEntries("papers", (file) => expectType<Equal<typeof file, UploadedFile>>());
}

function counted(ctx: ContextOf<typeof Chat>) {
  return { count: ctx.assigns.count };
}

// @ts-expect-error what a function needs has to be there
add({} as ContextOf<{ assigns: { other: number } }>, 1);
expectType<Equal<AssignsOf<typeof Chat>, Readonly<Assigns>>>();
expectType<Equal<MessagesOf<typeof Chat>, { readonly tick: number }>>();

// A function that ends the message is seen to, a method is not.
export const Narrow = defineStore("Of.Narrow", {
  mount: (ctx) => {
    const owner = ctx.id === "" ? null : ctx.id;
    if (owner === null) reject("nobody", { advice: "sign in" });
    expectType<Equal<typeof owner, string>>();
    return { owner: new Map([["owner", owner]]).get("owner") ?? null };
  },
  render: ({ owner }) => ({ owner }),
  commands: {
    shout: command((ctx) => {
      const { owner } = ctx.assigns;
      if (owner === null) return reject("nobody");
      return { text: owner.toUpperCase() };
    }),
    whisper: command((ctx) => {
      const { owner } = ctx.assigns;
      if (owner === null) reject("nobody");
      return { text: owner.toLowerCase() };
    }),
    method: command((ctx) => {
      const { owner } = ctx.assigns;
      if (owner === null) ctx.reject("nobody");
      // @ts-expect-error TypeScript wants an annotation of `ctx` for that (its error 2775)
      return { text: owner.toLowerCase() };
    }),
  },
});
