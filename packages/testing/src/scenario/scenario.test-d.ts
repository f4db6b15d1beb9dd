import type { CommandDef, StoreDef, StoreField, StreamField } from "@musubi/client";
import { expectTypeOf } from "vitest";
import { type ModuleOf, type RootName, scenario } from "./scenario.js";

interface Stores {
  Board: StoreDef<
    { title: string; rows: StoreField<"Row">[]; log: StreamField<{ text: string }> },
    { rename: CommandDef<{ title: string }> }
  >;
  Row: StoreDef<{ votes: number }>;
}

expectTypeOf<RootName<Stores>>().toEqualTypeOf<`Board:${string}` | `Row:${string}`>();
expectTypeOf<ModuleOf<"Board:b1">>().toEqualTypeOf<"Board">();
expectTypeOf<ModuleOf<"Board:with:colons">>().toEqualTypeOf<"Board">();

const typed = scenario<Stores>("typed");
typed.sees("Board:b1", { title: "x", rows: [{ __musubi_store_id__: ["rows", "1"], votes: 1 }], log: [{ text: "x" }] });
typed.sees("Board:b1", undefined);
// @ts-expect-error a module that the registry does not have
typed.mounts("Boards:b1", {});
// @ts-expect-error a name without an id
typed.mounts("Board", {});
// @ts-expect-error a field of the wrong type
typed.sees("Board:b1", { title: 1 });
// @ts-expect-error a field that the store does not have
typed.sees("Board:b1", { titel: "x" });
// @ts-expect-error no such state
typed.rootIs("Board:b1", "lively");

const untyped = scenario("untyped");
untyped.mounts("Anything:at-all", {}).sees("Anything:at-all", { any: ["thing"] });
// @ts-expect-error even without a registry a root has a module and an id
untyped.mounts("anything", {});
