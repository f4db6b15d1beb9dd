import * as v from "valibot";
import { createMusubiServer, type MusubiServer } from "../create-server.js";
import { command } from "./command.js";
import type { AssignsOf } from "./context-of.js";
import { defineStore } from "./define-store.js";
import { child } from "./placeholders.js";
import { renderStore } from "./render-store.js";
import { type } from "./schema.js";
import type { AnyStore } from "./store-types.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<_Check extends true>(): void {}

interface Ticket {
  readonly id: string;
  readonly title: string;
}

const Row = defineStore("Messages.Row", {
  params: type<{ ticket: Ticket }>(),
  mount: () => ({ isExpanded: false }),
  render: ({ isExpanded }, { params }) => ({ isExpanded, title: params.ticket.title }),
});

const Desk = defineStore("Messages.Desk", {
  messages: { changed: type<Ticket>(), minute: type<void>(), retracted: v.object({ id: v.string() }) },
  mount: (ctx) => {
    ctx.subscribe("tickets", "changed");
    ctx.sendEvery(60_000, "minute");
    ctx.sendAfter(1_000, "changed", { id: "1", title: "" });
    // @ts-expect-error there is no such message
    ctx.subscribe("tickets", "change");
    // @ts-expect-error there is no such message
    ctx.send("change", { id: "1", title: "" });
    // @ts-expect-error a message has its type
    ctx.send("changed", { id: 1, title: "" });
    // @ts-expect-error a message that is something has to be there
    ctx.sendEvery(1_000, "changed");
    return { tickets: [] as readonly Ticket[], minutes: 0 };
  },
  render: ({ tickets }) => ({ rows: tickets.map((ticket) => child(Row, { id: ticket.id, ticket })) }),
  info: {
    changed: (ctx, ticket) => {
      expectType<Equal<typeof ticket, Ticket>>();
      ctx.assign({ tickets: [...ctx.assigns.tickets, ticket] });
      ctx.send("minute");
      // @ts-expect-error a message has its type
      ctx.send("retracted", "1");
    },
    minute: (ctx) => ctx.assign({ minutes: ctx.assigns.minutes + 1 }),
    retracted: (_ctx, { id }) => expectType<Equal<typeof id, string>>(),
  },
  commands: {
    add: command(type<Ticket>(), (ctx, ticket) => {
      ctx.send("changed", ticket);
      ctx.sendUpdate([ticket.id], { isExpanded: true } satisfies Partial<AssignsOf<typeof Row>>);
      // @ts-expect-error a message has its type
      ctx.sendAfter(5, "changed", ticket.id);
      // @ts-expect-error a row has no such assign
      ctx.sendUpdate([ticket.id], { expanded: true } satisfies Partial<AssignsOf<typeof Row>>);
    }),
  },
});

// Without `messages` a handler says what it takes; that is checked from outside, and not within.
const Free = defineStore("Messages.Free", {
  mount: (ctx) => {
    ctx.send("anything", 1);
    return { n: 0 };
  },
  render: ({ n }) => ({ n }),
  info: {
    add: (ctx, by: number) => ctx.assign({ n: ctx.assigns.n + by }),
    reset: (ctx) => ctx.assign({ n: 0 }),
  },
});

// One that does not say turns that off.
const Loose = defineStore("Messages.Loose", {
  mount: () => ({ n: 0 }),
  render: ({ n }) => ({ n }),
  info: {
    add: (ctx, by: number) => ctx.assign({ n: ctx.assigns.n + by }),
    odd: (_ctx, message) => expectType<Equal<typeof message, unknown>>(),
  },
});

defineStore("Messages.Wrong", {
  messages: { changed: type<Ticket>() },
  mount: () => ({ n: 0 }),
  render: ({ n }) => ({ n }),
  // @ts-expect-error a handler takes the message that is declared
  info: { changed: (ctx, n: number) => ctx.assign({ n }) },
});

const Plain = defineStore("Messages.Plain", { mount: () => ({ n: 0 }), render: ({ n }) => ({ n }) });

const musubi = createMusubiServer({ stores: [Desk, Free, Loose, Plain] });
const desk = { module: "Messages.Desk", id: "1" } as const;
musubi.send(desk, "changed", { id: "1", title: "" }) satisfies number;
musubi.send(desk, "minute");
musubi.send({ module: "Messages.Desk", id: "1", storeId: [] }, "minute");
musubi.send({ module: "Messages.Desk", id: "1", storeId: ["row"] }, "whatever", 1);
musubi.send({ module: "Messages.Free", id: "1" }, "add", 5);
musubi.send({ module: "Messages.Free", id: "1" }, "reset");
musubi.send({ module: "Messages.Loose", id: "1" }, "odd", 5);
musubi.send({ module: "Messages.Plain", id: "1" }, "whatever");
// @ts-expect-error no such store is served; children are reached through their roots
musubi.send({ module: "Messages.Row", id: "1" }, "changed");
// @ts-expect-error there is no such message
musubi.send(desk, "change", { id: "1", title: "" });
// @ts-expect-error a message has its type
musubi.send(desk, "changed", { id: "1" });
// @ts-expect-error a message that is something has to be there
musubi.send(desk, "changed");
// @ts-expect-error there is no such message
musubi.send({ module: "Messages.Desk", id: "1", storeId: [] }, "change");
// @ts-expect-error its handler takes a number
musubi.send({ module: "Messages.Free", id: "1" }, "add", "5");
// @ts-expect-error there is no such handler
musubi.send({ module: "Messages.Free", id: "1" }, "subtract", 5);

musubi.sendUpdate(desk, [], { minutes: 5 }) satisfies number;
musubi.sendUpdate(desk, ["row"], { isExpanded: true } satisfies Partial<AssignsOf<typeof Row>>);
// @ts-expect-error there is no such assign
musubi.sendUpdate(desk, [], { hours: 5 });
// @ts-expect-error an assign has its type
musubi.sendUpdate(desk, [], { minutes: "5" });
// @ts-expect-error no such store is served
musubi.sendUpdate({ module: "Messages.Row", id: "1" }, [], {});

// Code for any server takes this one, and knows nothing of its stores.
const any: MusubiServer = musubi;
any.send({ module: "Messages.Desk", id: "1" }, "change", 1);
any.sendUpdate({ module: "?", id: "1" }, [], { hours: 5 });
const stores: readonly AnyStore[] = [Desk, Free, Plain, Row];
createMusubiServer({ stores }).send({ module: "Messages.Desk", id: "1" }, "change");

const view = await renderStore(Desk);
await view.send("changed", { id: "1", title: "" });
await view.send("minute");
await view.sendTo(["row"], "whatever", 1);
// @ts-expect-error there is no such message
await view.send("change", { id: "1", title: "" });
// @ts-expect-error a message has its type
await view.send("changed", { id: "1" });
// @ts-expect-error a message that is something has to be there
await view.send("changed");
const free = await renderStore(Free);
await free.send("add", 5);
// @ts-expect-error its handler takes a number
await free.send("add", "5");
await (await renderStore(Plain)).send("whatever", 1);
