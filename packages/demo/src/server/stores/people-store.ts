import { command, defineStore } from "@musubi/server";
import * as v from "valibot";
import type { Services } from "../commit.js";
import { Id, Introduction } from "../inputs.js";
import { PEOPLE_TOPIC, type PresentPerson } from "../people.js";

/** Who is here: a root store. A page is here for as long as it has this one mounted. */
export const createPeopleStore = ({ people }: Services) =>
  defineStore("Demo.People", {
    mount: (ctx) => {
      ctx.subscribe(PEOPLE_TOPIC, "changed");
      people.join(ctx.user);
      return { people: people.list() };
    },
    render: ({ people: present }) => ({
      people: present.map(({ id, name, hue, editing }) => ({ id, name, hue, editing })),
    }),
    commands: {
      introduce: command(Introduction, (ctx, introduction) => people.change(ctx.user.id, introduction)),
      focus: command(v.object({ cardId: v.nullable(Id) }), (ctx, { cardId }) =>
        people.change(ctx.user.id, { editing: cardId }),
      ),
    },
    info: {
      changed: (ctx, present: readonly PresentPerson[]) => ctx.assign({ people: present }),
    },
    terminate: (ctx) => people.leave(ctx.user.id),
  });
