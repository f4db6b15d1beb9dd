import type { AsyncField, FieldsOf, StoreField, StreamField } from "@musubi/protocol";
import { command } from "../command.js";
import { defineStore } from "../define-store.js";
import { child, type StreamPlaceholder } from "../placeholders.js";
import type { StoreDefOf } from "../store-types.js";
import { type AsyncReason, AsyncValue } from "./async-value.js";
import type { AsyncOutcome } from "./async-work.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<_Check extends true>(): void {}

interface Profile {
  readonly name: string;
  readonly born: Date;
}
declare function loadProfile(signal?: AbortSignal): Promise<Profile>;

const Friend = defineStore("Types.Friend", { mount: () => ({ on: true }), render: ({ on }) => ({ on }) });

const Page = defineStore("Types.Page", {
  streams: { log: { key: (line: { id: string; at: Date }) => line.id } },
  mount: (ctx) => {
    const profile = ctx.assignAsync("profile", loadProfile, { timeoutMs: 5_000 });
    expectType<Equal<typeof profile, AsyncValue<Profile>>>();
    const both = ctx.assignAsync(["plan", "seats"], () => ({ plan: "gold", seats: 3 }));
    expectType<Equal<typeof both.seats, AsyncValue<number>>>();
    // @ts-expect-error what is loaded has every key
    ctx.assignAsync(["plan", "seats"], () => ({ plan: "gold" }));
    // @ts-expect-error there is nothing to reset
    ctx.assignAsync("profile", loadProfile, { reset: true });
    const log = ctx.streamAsync("log", async () => [{ id: "1", at: new Date(0) }]);
    expectType<Equal<typeof log, AsyncValue<StreamPlaceholder<"log">>>>();
    // @ts-expect-error an item has a Date
    ctx.streamAsync("log", () => [{ id: "1", at: "now" }]);
    // @ts-expect-error there is no such stream
    ctx.streamAsync("logs", () => []);
    return {
      ...both,
      profile,
      log,
      note: "",
      report: null as AsyncValue<number> | null,
      friends: AsyncValue.loading<readonly string[]>(),
    };
  },
  render: (assigns) => ({
    ...assigns,
    friends: assigns.friends.map((names) => names.map((id) => child(Friend, { id }))),
  }),
  commands: {
    reload: command((ctx) => {
      ctx.assignAsync("profile", loadProfile, { reset: true });
      ctx.assignAsync("report", () => 1);
      ctx.assignAsync(["profile", "seats"], async () => ({ profile: await loadProfile(), seats: 4 }));
      ctx.streamAsync("log", () => ({ items: [{ id: "1", at: new Date(0) }], at: 0, reset: true }), { reset: false });
      ctx.startAsync("report", (signal) => loadProfile(signal));
      ctx.cancelAsync("profile");
      ctx.assign({ friends: AsyncValue.ok(["ada"]) });
      expectType<Equal<typeof ctx.assigns.profile, AsyncValue<Profile>>>();
      // @ts-expect-error a profile is no number
      ctx.assignAsync("profile", () => 1);
      // @ts-expect-error this assign is no async value
      ctx.assignAsync("note", () => "x");
      // @ts-expect-error there is no such assign
      ctx.assignAsync("other", () => 1);
      // @ts-expect-error a seat is counted
      ctx.assignAsync(["profile", "seats"], async () => ({ profile: await loadProfile(), seats: "4" }));
    }),
    replies: command((ctx) => ctx.assignAsync("profile", loadProfile)),
  },
  async: {
    report: (ctx, outcome: AsyncOutcome<Profile>) => {
      if (outcome.status === "ok") ctx.assign({ note: outcome.value.name });
      else ctx.assign({ note: outcome.reason.reason });
      // @ts-expect-error assigns have their types here too
      ctx.assign({ note: 1 });
    },
    any: (_ctx, outcome) => expectType<Equal<typeof outcome, AsyncOutcome>>(),
  },
});

type Fields = FieldsOf<StoreDefOf<typeof Page>>;
expectType<Equal<Fields["profile"], AsyncField<{ readonly name: string; readonly born: string }, AsyncReason>>>();
expectType<Equal<Fields["seats"], AsyncField<number, AsyncReason>>>();
expectType<Equal<Fields["report"], AsyncField<number, AsyncReason> | null>>();
expectType<Equal<Fields["log"], AsyncField<StreamField<{ id: string; at: string }>, AsyncReason>>>();
expectType<Equal<Fields["friends"], AsyncField<StoreField<StoreDefOf<typeof Friend>>[], AsyncReason>>>();
expectType<Equal<Fields["note"], string>>();
