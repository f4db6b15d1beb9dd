import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { reject } from "./rejection.js";
import { renderStore } from "./render-store.js";
import { type } from "./schema.js";

const render = ({ n }: { readonly n: number }): { n: number } => ({ n });
const mount = (): { n: number } => ({ n: 0 });

describe("a definition that can never work is refused at once", () => {
  const refused = expect.objectContaining({ code: "invalid_usage" }) as Error;

  test.each(["", "My:Store"])("called %j", (module) => {
    expect(() => defineStore(module, { mount, render })).toThrow(refused);
  });

  test("with a command that `command` has not made", () => {
    const commands = { add: (() => {}) as never };
    expect(() => defineStore("Wrong", { mount, render, commands })).toThrow(refused);
  });

  test.each(["tick", "toString"])("with a message %j that no info takes", (name) => {
    const messages = { [name]: type<number>() };
    expect(() => defineStore("Wrong", { mount, render, messages })).toThrow(refused);
    expect(() => defineStore("Wrong", { mount, render, messages, info: { other: () => {} } })).toThrow(refused);
  });
});

test("declared messages reach their handlers as they are: their schemas are for types alone", async () => {
  const Counter = defineStore("Counter", {
    messages: { add: v.pipe(v.number(), v.maxValue(1)), reset: type<void>() },
    mount,
    render: ({ n }) => ({ n }),
    info: {
      add: (ctx, by) => ctx.assign({ n: ctx.assigns.n + by }),
      reset: (ctx) => ctx.assign({ n: 0 }),
      double: (ctx) => ctx.assign({ n: ctx.assigns.n * 2 }),
    },
    commands: { add: command((ctx) => ctx.send("add", 5)), reset: command((ctx) => ctx.send("reset")) },
  });
  const view = await renderStore(Counter);
  await view.dispatch("add");
  await view.sendTo([], "double");
  expect(view.state).toEqual({ n: 10 });
  await view.dispatch("reset");
  await expect.poll(() => view.state).toEqual({ n: 0 });
  await view.unmount();
});

test("`reject` ends a mount and a command as the methods of `ctx` do", async () => {
  const Door = defineStore("Door", {
    mount: (ctx) => (ctx.id === "closed" ? reject("closed", { opens: 8 }) : { n: 1 }),
    render: ({ n }) => ({ n }),
    commands: {
      knock: command((ctx) => {
        ctx.assign({ n: 2 });
        reject("nobody_home");
      }),
    },
  });
  await expect(renderStore(Door, {}, { id: "closed" })).rejects.toMatchObject({
    code: "mount_refused",
    details: { reason: "closed", opens: 8 },
  });
  const view = await renderStore(Door);
  await expect(view.dispatch("knock")).rejects.toMatchObject({ details: { reason: "nobody_home" } });
  expect(view.state).toEqual({ n: 1 });
  await view.unmount();
});
