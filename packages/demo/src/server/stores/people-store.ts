import { command, defineStore } from "@musubi/server";
import * as v from "valibot";
import type { Services } from "../commit.js";
import { Id, Introduction } from "../inputs.js";
import { PEOPLE_TOPIC, type PresentPerson, type Wave, waveTopic } from "../people.js";

/** Who is here: a root store. A page is here for as long as it has this one mounted. */
export const createPeopleStore = ({ people }: Services) =>
  defineStore("Demo.People", {
    events: { waved: v.object(Introduction.entries) },
    mount: (ctx) => {
      ctx.subscribe(PEOPLE_TOPIC, "changed");
      ctx.subscribe(waveTopic(ctx.user.id), "waved");
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
      wave: command(v.object({ to: Id }), (ctx, { to }) => {
        const { name, hue } = people.current(ctx.user);
        ctx.publish(waveTopic(to), { name, hue } satisfies Wave);
      }),
    },
    info: {
      changed: (ctx, present: readonly PresentPerson[]) => ctx.assign({ people: present }),
      waved: (ctx, wave: Wave) => ctx.pushEvent("waved", wave),
    },
    terminate: (ctx) => people.leave(ctx.user.id),
  });
