import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { UploadSlot } from "../uploads/upload-definition.js";
import type { AsyncOutcome } from "./async/async-work.js";
import type { ErasedHooks } from "./run-hooks.js";
import type { StoreHandle } from "./store-handle.js";

/** A command without its types. */
export interface ErasedCommand {
  readonly schema: StandardSchemaV1 | null;
  readonly handler: (ctx: StoreHandle, payload: unknown) => unknown;
}

/** A stream's definition without its types. */
export interface ErasedStream {
  readonly key: (item: unknown) => string;
  readonly limit: number | null;
}

/** What `render` gets beside the assigns, without its types. */
export interface ErasedRenderContext {
  readonly params: unknown;
  callback(handler: (ctx: StoreHandle, ...args: unknown[]) => unknown): (...args: unknown[]) => unknown;
}

/** Assigns without their types. */
export type Assigns = Readonly<Record<string, unknown>>;

/**
 * A store's definition as the runtime sees it. Names from the wire are looked up in Maps, so that none of them can
 * reach a prototype.
 */
export interface ErasedDefinition {
  readonly params: StandardSchemaV1 | null;
  readonly mount: (ctx: StoreHandle, params: unknown) => Assigns | Promise<Assigns>;
  readonly render: (assigns: Assigns, context: ErasedRenderContext) => unknown;
  readonly streams: ReadonlyMap<string, ErasedStream>;
  readonly uploads: ReadonlyMap<string, UploadSlot>;
  readonly commands: ReadonlyMap<string, ErasedCommand>;
  readonly events: ReadonlySet<string>;
  readonly info: ReadonlyMap<string, (ctx: StoreHandle, message: unknown) => unknown>;
  readonly async: ReadonlyMap<string, (ctx: StoreHandle, outcome: AsyncOutcome) => unknown>;
  readonly hooks: ErasedHooks | null;
  readonly terminate: ((ctx: unknown, reason: string) => unknown) | null;
}
