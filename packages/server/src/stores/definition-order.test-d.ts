import * as v from "valibot";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { stream } from "./placeholders.js";

// TypeScript infers the assigns from `mount`, when it has come to it, and only where `render` takes them. Code that it
// types before that has assigns which nothing fits, and whose name says what to do.

const add = v.object({ by: v.number() });

defineStore("Order.Right", {
  mount: (ctx) => ({ n: ctx.id.length }),
  render: ({ n }) => ({ n }),
  commands: { add: command(add, (ctx, { by }) => ctx.assign({ n: ctx.assigns.n + by })) },
});

// A mount that takes no context is inferred first, wherever it stands.
defineStore("Order.NoContext", {
  commands: { add: command(add, (ctx, { by }) => ctx.assign({ n: ctx.assigns.n + by })) },
  mount: async () => ({ n: 0 }),
  render: ({ n }) => ({ n }),
});

// Code that needs no assigns may stand anywhere.
defineStore("Order.NoAssigns", {
  events: { beep: v.number() },
  commands: { beep: command((ctx) => ctx.pushEvent("beep", 1)) },
  mount: (ctx) => ({ n: ctx.id.length }),
  render: ({ n }) => ({ n }),
});
defineStore("Order.RenderOfNothing", {
  streams: { log: { key: (line: string) => line } },
  mount: (ctx) => ({ n: ctx.id.length }),
  render: () => ({ log: stream("log") }),
  commands: { say: command(v.string(), (ctx, line) => ctx.stream("log").insert(line)) },
});

defineStore("Order.CommandsFirst", {
  commands: {
    // @ts-expect-error mount and render come first
    add: command(add, (ctx, { by }) => ctx.assign({ n: by })),
    // @ts-expect-error mount and render come first
    read: command((ctx) => ({ n: ctx.assigns.n })),
  },
  mount: (ctx) => ({ n: ctx.id.length }),
  render: ({ n }) => ({ n }),
});

defineStore("Order.CommandsBetween", {
  mount: (ctx) => ({ n: ctx.id.length }),
  commands: {
    // @ts-expect-error render comes first
    add: command(add, (ctx, { by }) => ctx.assign({ n: by })),
  },
  render: ({ n }) => ({ n }),
});

defineStore("Order.RenderWithoutAssigns", {
  streams: { log: { key: (line: string) => line } },
  mount: (ctx) => ({ n: ctx.id.length }),
  render: () => ({ log: stream("log") }),
  commands: {
    // @ts-expect-error render takes the assigns
    add: command(add, (ctx, { by }) => ctx.assign({ n: by })),
  },
});

defineStore("Order.InfoFirst", {
  // @ts-expect-error mount and render come first
  info: { tick: (ctx) => ctx.assign({ n: 1 }) },
  mount: (ctx) => ({ n: ctx.id.length }),
  // @ts-expect-error so it has no such assign
  render: ({ n }) => ({ n }),
});
