import type { AsyncField, CommandDef, StoreDef, StoreField, StreamField } from "@musubi/protocol";
import type {
  AsyncResult,
  CommandPayload,
  CommandReply,
  MusubiConnection,
  StoreProxy,
  StoreSnapshot,
} from "./index.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const expectType = <_Truth extends true>(): void => {};

type Line = StoreDef<{ label: string; count: number }, { setCount: CommandDef<{ count: number }, { ok: boolean }> }>;

interface Registry {
  "App.Cart": StoreDef<
    {
      note: string | null;
      lines: StoreField<Line>[];
      first?: StoreField<"App.Line">;
      log: StreamField<{ id: string; text: string }>;
      total: AsyncField<{ cents: number }, string>;
      meta: { tags: string[] };
    },
    { setNote: CommandDef<{ note: string }, { saved: true }>; clear: CommandDef<Record<never, never>, object> },
    { toast: { text: string } },
    { cartId: string }
  >;
  "App.Line": Line;
}

declare const connection: MusubiConnection<Registry>;
declare const cart: StoreProxy<"App.Cart", Registry>;

export async function mounting(): Promise<void> {
  const mounted = await connection.mountStore({ module: "App.Cart", id: "1", params: { cartId: "c" } });
  expectType<Equal<typeof mounted.store, StoreProxy<"App.Cart", Registry>>>();
  // @ts-expect-error: no such module
  await connection.mountStore({ module: "App.Nope", id: "1" });
  // @ts-expect-error: wrong params
  await connection.mountStore({ module: "App.Cart", id: "1", params: { cartId: 1 } });
  // @ts-expect-error: the id is missing
  await connection.mountStore({ module: "App.Cart" });
}

export async function commands(): Promise<void> {
  const reply = await cart.dispatchCommand("setNote", { note: "x" });
  expectType<Equal<typeof reply, { saved: true }>>();
  await cart.dispatchCommand("clear");
  await cart.dispatchCommand("setNote", { note: "x" }, { timeoutMs: 1, whenOffline: "reject" });
  await cart.lines[0]?.dispatchCommand("setCount", { count: 1 });
  await cart.first?.dispatchCommand("setCount", { count: 1 });
  await cart.dispatchCommand("setNote", { note: "x" }, { optimistic: (state) => ({ ...state, note: "x" }) });
  // @ts-expect-error: the state of another shape
  await cart.dispatchCommand("setNote", { note: "x" }, { optimistic: (state) => ({ ...state, note: 1 }) });
  // @ts-expect-error: no such command
  await cart.dispatchCommand("nope");
  // @ts-expect-error: wrong payload
  await cart.dispatchCommand("setNote", { note: 1 });
  // @ts-expect-error: the payload is missing
  await cart.dispatchCommand("setNote");
  // @ts-expect-error: no such option
  await cart.dispatchCommand("clear", {}, { whenOffline: "later" });
}

export function reading(): void {
  expectType<Equal<typeof cart.note, string | null>>();
  expectType<Equal<typeof cart.log, readonly { id: string; text: string }[]>>();
  expectType<Equal<typeof cart.total, AsyncResult<{ readonly cents: number }, string>>>();
  expectType<Equal<typeof cart.meta, { readonly tags: readonly string[] }>>();
  const snapshot = cart.snapshot();
  expectType<Equal<typeof snapshot, StoreSnapshot<"App.Cart", Registry> | undefined>>();
  const label: string | undefined = snapshot?.lines[0]?.label;
  void label;
  // @ts-expect-error: a snapshot has no commands
  void snapshot?.lines[0]?.dispatchCommand;
  // @ts-expect-error: state is the server's
  cart.note = "mine";
  // @ts-expect-error: no such field
  void cart.nope;
}

export function events(): void {
  cart.handleEvent("toast", (payload) => expectType<Equal<typeof payload, { text: string }>>());
  // @ts-expect-error: no such event
  cart.handleEvent("nope", () => {});
}

expectType<Equal<CommandPayload<"App.Cart", "setNote", Registry>, { note: string }>>();
expectType<Equal<CommandReply<"App.Cart", "setNote", Registry>, { saved: true }>>();
