import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ErasedCommand } from "./erased.js";
import type { Command } from "./store-types.js";

/** Where a command keeps what it is made of; shared by all copies of this package. */
const PARTS = Symbol.for("musubi.command.v1");

/** What a handler may answer: an object, or nothing for `{}`. */
export type CommandReply = object | void;

/** Defines a command without a payload; what comes as one is ignored. */
export function command<Context, Reply extends CommandReply | Promise<CommandReply>>(
  handler: (ctx: Context) => Reply,
): Command<Context, Record<string, never>, Reply>;
/**
 * Defines a command whose payload is checked by any Standard Schema before the handler sees it; one that does not
 * pass is answered `{ reason: "invalid_payload", code: "invalid_payload", issues }`.
 */
export function command<Context, Schema extends StandardSchemaV1, Reply extends CommandReply | Promise<CommandReply>>(
  schema: Schema,
  handler: (ctx: Context, payload: StandardSchemaV1.InferOutput<Schema>) => Reply,
): Command<Context, StandardSchemaV1.InferInput<Schema>, Reply>;
export function command(...args: readonly unknown[]): unknown {
  const schema = args.length > 1 ? args[0] : null;
  const handler = args.length > 1 ? args[1] : args[0];
  return Object.assign(refuseCall.bind(null), { [PARTS]: { schema, handler } });
}

function refuseCall(): never {
  throw new TypeError("a command is sent by a client with dispatchCommand; it is not a function to call");
}

/** What `command` was given; `null` for anything else. */
export function commandParts(value: unknown): ErasedCommand | null {
  if (typeof value !== "function") return null;
  // Written by `command` alone, under a symbol of our own.
  return (value as { readonly [PARTS]?: ErasedCommand })[PARTS] ?? null;
}
