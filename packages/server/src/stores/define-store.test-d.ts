import type { CommandsOf, EventsOf, FieldsOf, JsonValue, ParamsOf, StoreField, StreamField } from "@musubi/protocol";
import * as v from "valibot";
import { createMusubiServer, type InferStores } from "../create-server.js";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import type { JsonOf } from "./json-of.js";
import { child, stream } from "./placeholders.js";
import { type } from "./schema.js";
import type { StoreDefOf } from "./store-types.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<_Check extends true>(): void {}

interface Line {
  readonly id: string;
  readonly sku: string;
  readonly added: Date;
  readonly note?: string | undefined;
}

interface Entry {
  readonly id: string;
  readonly at: Date;
}

const CartLine = defineStore("Shop.CartLine", {
  params: type<{ line: Line; onRemove: (id: string) => Promise<number> }>(),
  mount: (_ctx, props) => ({ open: false, first: props.line.sku }),
  render: (assigns, { params }) => ({ open: assigns.open, line: params.line }),
  commands: {
    toggle: command((ctx) => {
      ctx.assign({ open: !ctx.assigns.open });
      // @ts-expect-error assigns have the types that mount gave them
      ctx.assign({ open: "yes" });
      // @ts-expect-error there is no such assign
      ctx.assign({ closed: true });
    }),
    remove: command(async (ctx) => {
      const left = await ctx.params.onRemove(ctx.params.line.id);
      expectType<Equal<typeof left, number>>();
      return { left };
    }),
  },
});

const Cart = defineStore("Shop.Cart", {
  params: v.object({ cartId: v.string(), limit: v.optional(v.number(), 10) }),
  streams: { log: { key: (entry: Entry) => entry.id, limit: -100 } },
  events: { toast: v.object({ text: v.string() }), done: type<Date>() },
  mount: async (ctx, params) => {
    expectType<Equal<typeof params.limit, number>>();
    ctx.stream("log").insert({ id: "1", at: new Date(0) });
    // @ts-expect-error an entry has a Date
    ctx.stream("log").insert({ id: "1", at: "now" });
    // @ts-expect-error there is no such stream
    ctx.stream("other");
    // @ts-expect-error mount makes the assigns, it cannot read them
    void ctx.assigns;
    if (params.cartId === "") ctx.refuse("no_cart");
    return { note: "", lines: [] as readonly Line[], total: 0 };
  },
  render: (assigns, { params, callback }) => ({
    note: assigns.note,
    cartId: params.cartId,
    lines: assigns.lines.map((line) =>
      child(CartLine, {
        id: line.id,
        line,
        onRemove: callback(async (ctx, id: string) => {
          const lines = ctx.assigns.lines.filter((each) => each.id !== id);
          ctx.assign({ lines });
          return lines.length;
        }),
      }),
    ),
    log: stream("log"),
    nested: { at: new Date(0), maybe: undefined as string | undefined, rows: [[1, "a"]] as [number, string][] },
  }),
  commands: {
    setNote: command(v.object({ note: v.pipe(v.string(), v.trim()) }), (ctx, { note }) => {
      expectType<Equal<typeof note, string>>();
      expectType<Equal<typeof ctx.assigns.total, number>>();
      ctx.assign({ note });
      ctx.pushEvent("toast", { text: note });
      ctx.pushEvent("done", new Date(0));
      // @ts-expect-error an event's payload fits its schema
      ctx.pushEvent("toast", { text: 1 });
      // @ts-expect-error there is no such event
      ctx.pushEvent("nothing", {});
      return { ok: true, at: new Date(0) };
    }),
    add: command(v.object({ count: v.pipe(v.string(), v.transform(Number)) }), async (ctx, { count }) => {
      expectType<Equal<typeof count, number>>();
      ctx.assign({ total: ctx.assigns.total + count });
    }),
    clear: command((ctx) => ctx.assign({ lines: [] })),
    // @ts-expect-error a reply is an object
    wrong: command(() => 1),
  },
  info: {
    tick: (ctx, message: { readonly by: number }) => ctx.assign({ total: ctx.assigns.total + message.by }),
    any: (_ctx, message) => expectType<Equal<typeof message, unknown>>(),
  },
  terminate: (ctx, reason) => {
    expectType<Equal<typeof ctx.assigns.note, string>>();
    // @ts-expect-error the store has ended
    ctx.assign({});
    return void reason;
  },
});

const Plain = defineStore("Shop.Plain", { mount: () => ({ count: 0 }), render: ({ count }) => ({ count }) });

// The context is inferred whatever else the definition leaves out.
defineStore("Shop.Minimal", {
  mount: () => ({ name: "" }),
  render: ({ name }) => ({ name }),
  commands: {
    rename: command(v.object({ name: v.string() }), (ctx, { name }) => ctx.assign({ name })),
    // @ts-expect-error a name is a string
    break: command((ctx) => ctx.assign({ name: 1 })),
  },
});
defineStore("Shop.OnlyStream", {
  mount: () => ({}),
  streams: { log: { key: (entry: Entry) => entry.id } },
  render: () => ({ log: stream("log") }),
  commands: {
    say: command(v.object({ id: v.string() }), (ctx, { id }) => ctx.stream("log").insert({ id, at: new Date(0) })),
    // @ts-expect-error there is no such stream
    shout: command((ctx) => ctx.stream("logs").reset()),
  },
});
defineStore("Shop.Chat", {
  streams: { log: { key: (entry: Entry) => entry.id } },
  mount: (ctx) => {
    ctx.stream("log").insert({ id: "1", at: new Date(0) });
    return { said: 0 };
  },
  render: () => ({ log: stream("log") }),
  commands: {
    say: command(v.object({ id: v.string() }), (ctx, { id }) => ctx.stream("log").insert({ id, at: new Date(0) })),
  },
});
defineStore("Shop.CommandsFirst", {
  commands: { beep: command((ctx) => ctx.pushEvent("beep", 1)) },
  events: { beep: v.number() },
  mount: async () => ({ on: true }),
  render: ({ on }) => ({ on }),
});

// @ts-expect-error a child needs an id
child(CartLine, { line: {} as Line, onRemove: async () => 0 });
// @ts-expect-error a child needs its props
child(CartLine, { id: "1" });
child(Plain, { id: "1" });

const musubi = createMusubiServer({ stores: [Cart, Plain] });
type Stores = InferStores<typeof musubi>;
expectType<Equal<keyof Stores, "Shop.Cart" | "Shop.Plain">>();

type CartDef = Stores["Shop.Cart"];
type CartFields = FieldsOf<CartDef>;
expectType<Equal<CartFields["note"], string>>();
expectType<Equal<CartFields["lines"], StoreField<StoreDefOf<typeof CartLine>>[]>>();
expectType<Equal<CartFields["log"], StreamField<{ readonly id: string; readonly at: string }>>>();
expectType<Equal<CartFields["nested"], { at: string; maybe?: string; rows: [number, string][] }>>();
expectType<Equal<ParamsOf<CartDef>, { cartId: string; limit?: number | undefined }>>();

type CartCommands = CommandsOf<CartDef>;
expectType<Equal<CartCommands["setNote"]["payload"], { note: string }>>();
expectType<Equal<CartCommands["setNote"]["reply"], { ok: boolean; at: string }>>();
expectType<Equal<CartCommands["add"]["payload"], { count: string }>>();
expectType<Equal<CartCommands["add"]["reply"], Record<string, never>>>();
expectType<Equal<CartCommands["clear"]["payload"], Record<string, never>>>();
expectType<Equal<EventsOf<CartDef>, { readonly toast: { text: string }; readonly done: string }>>();

type LineDef = StoreDefOf<typeof CartLine>;
expectType<
  Equal<
    FieldsOf<LineDef>["line"],
    { readonly id: string; readonly sku: string; readonly added: string; readonly note?: string }
  >
>();
expectType<Equal<CommandsOf<LineDef>["remove"]["reply"], { left: number }>>();
expectType<Equal<FieldsOf<Stores["Shop.Plain"]>, { count: number }>>();

expectType<Equal<JsonOf<Date | null>, string | null>>();
expectType<Equal<JsonOf<(number | undefined)[]>, (number | null)[]>>();
expectType<Equal<JsonOf<{ a: bigint; b: () => void }>, { a: never; b: never }>>();
expectType<Equal<JsonOf<unknown>, JsonValue>>();
