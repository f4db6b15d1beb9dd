import { createMusubiServer } from "../create-server.js";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { halt, type ServerHooks } from "./hooks.js";

const Board = defineStore("HookTypes.Board", {
  mount: () => ({ title: "" }),
  render: ({ title }) => ({ title }),
  hooks: {
    beforeMount: (ctx, params) => {
      if (params === null) ctx.refuse("no_params");
      // @ts-expect-error mount makes the assigns, nothing can read them before
      void ctx.assigns;
    },
    beforeCommand: (ctx, { name }) => {
      ctx.assign({ title: name });
      // @ts-expect-error there is no such assign
      ctx.assign({ nothing: 1 });
      return ctx.assigns.title === "" ? halt({ empty: true }) : undefined;
    },
    afterCommand: async (ctx, _call, reply) => void [ctx.assigns.title, reply["ok"]],
    // @ts-expect-error what has been rendered cannot be changed
    afterRender: ({ node }) => delete node.title,
  },
  commands: { clear: command((ctx) => ctx.assign({ title: "" })) },
});

const everywhere: ServerHooks = {
  beforeCommand: (ctx) => {
    // @ts-expect-error of any store: the assigns have no types, and nothing is assigned
    ctx.assign({ title: "" });
    const title: unknown = ctx.assigns["title"];
    return title === undefined ? undefined : halt();
  },
  afterMessage: ({ durationMs, kind }) => void [durationMs.toFixed(), kind satisfies string],
};

const musubi = createMusubiServer({ stores: [Board], hooks: [everywhere] });
musubi.sendUpdate({ module: "HookTypes.Board", id: "1" }, [], { title: "new" }) satisfies number;
// @ts-expect-error a store is named by its id in the tree
musubi.sendUpdate({ module: "HookTypes.Board", id: "1" }, "row", {});
// @ts-expect-error a hook halts with what `halt` makes
createMusubiServer({ stores: [Board], hooks: [{ beforeCommand: () => ({ reply: 1 }) }] });
