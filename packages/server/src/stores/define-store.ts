import { MusubiError } from "@musubi/protocol";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { normalizeUpload, type UploadDefinition, type UploadsOf } from "../uploads/upload-definition.js";
import type { AsyncHandlers } from "./async/async-context.js";
import { commandParts } from "./command.js";
import type { ErasedCommand, ErasedDefinition, ErasedStream } from "./erased.js";
import type { StoreHooks } from "./hooks.js";
import type { None } from "./none.js";
import type {
  AssignsFrom,
  Command,
  ItemsOf,
  MountContext,
  ParamsFrom,
  PayloadsOf,
  RegistryDef,
  RenderContext,
  Store,
  StoreContext,
  StreamDefinition,
  TerminateContext,
  TerminateReason,
} from "./store-types.js";

/** Params of a store that declares none: whatever comes is ignored. */
export type NoParams = StandardSchemaV1<object, object>;

/** A method, so that a handler may annotate `message` with the type it expects. */
interface InfoHandlers<Context> {
  handle(ctx: Context, message: unknown): void | Promise<void>;
}

/**
 * A store: its state (`mount` makes the assigns, handlers change them), what clients see of it (`render`), and what
 * can happen to it. Write `mount` and `render` before `commands`: TypeScript infers the assigns in that order.
 */
export interface StoreDefinition<
  Assigns extends object,
  Rendered extends object,
  Params extends StandardSchemaV1,
  Streams,
  Events,
  Commands,
  Uploads = None,
> {
  /** Checks what the client mounts with, or a parent's props; any Standard Schema. Without one `params` is `{}`. */
  readonly params?: Params;
  /** Keyed lists whose items live at the clients; placed in the tree with `stream(name)`. */
  readonly streams?: Streams;
  /** Events and their payloads' schemas; for types alone, since the server's own code makes the payloads. */
  readonly events?: Events;
  /** Slots that clients can send files to; placed in the tree with `upload(name)`. Write them before `commands`. */
  readonly uploads?: Uploads & Readonly<Record<string, UploadDefinition>>;
  /** Makes the assigns of a new store. Throwing, or `ctx.refuse`, refuses the mount. */
  mount(
    ctx: MountContext<ItemsOf<Streams>, PayloadsOf<Events>, ParamsFrom<Params>>,
    params: ParamsFrom<Params>,
  ): Assigns | Promise<Assigns>;
  /**
   * What clients see: JSON (as `JSON.stringify` would have it), `child` stores and `stream`s. Runs again only when an
   * assign or a prop has changed; it must be pure.
   */
  render(
    assigns: Readonly<Assigns>,
    context: RenderContext<
      StoreContext<AssignsFrom<Assigns>, ItemsOf<Streams>, PayloadsOf<Events>, ParamsFrom<Params>, UploadsOf<Uploads>>,
      ParamsFrom<Params>
    >,
  ): Rendered;
  /** What clients can ask for, each made by `command`. */
  readonly commands?: Commands;
  /** Takes what `ctx.send`, timers, subscriptions and the server's `send` bring, by name. */
  readonly info?: Readonly<
    Record<
      string,
      InfoHandlers<
        StoreContext<AssignsFrom<Assigns>, ItemsOf<Streams>, PayloadsOf<Events>, ParamsFrom<Params>, UploadsOf<Uploads>>
      >["handle"]
    >
  >;
  /** Takes what `ctx.startAsync` came to, by name. */
  readonly async?: Readonly<
    Record<
      string,
      AsyncHandlers<
        StoreContext<AssignsFrom<Assigns>, ItemsOf<Streams>, PayloadsOf<Events>, ParamsFrom<Params>, UploadsOf<Uploads>>
      >["handle"]
    >
  >;
  /** What runs around mounts, commands and renders of this store, after the server's hooks for all stores. */
  readonly hooks?: StoreHooks<
    StoreContext<AssignsFrom<Assigns>, ItemsOf<Streams>, PayloadsOf<Events>, ParamsFrom<Params>, UploadsOf<Uploads>>,
    MountContext<ItemsOf<Streams>, PayloadsOf<Events>, ParamsFrom<Params>>
  >;
  /** Runs once after the store's end, for what `mount` opened. */
  terminate?(ctx: TerminateContext<Assigns, ParamsFrom<Params>>, reason: TerminateReason): void | Promise<void>;
}

/**
 * Defines a store. `module` is the name that clients mount it by; it may not contain `:` (protocol.md section 8).
 * Throws `invalid_usage` for a definition that can never work.
 */
export function defineStore<
  const Module extends string,
  Assigns extends object,
  Rendered extends object,
  Params extends StandardSchemaV1 = NoParams,
  Streams extends Readonly<Record<string, StreamDefinition>> = None,
  Events extends Readonly<Record<string, StandardSchemaV1>> = None,
  Uploads extends Readonly<Record<string, UploadDefinition>> = None,
  Commands extends Readonly<
    Record<
      string,
      Command<
        StoreContext<
          AssignsFrom<Assigns>,
          ItemsOf<Streams>,
          PayloadsOf<Events>,
          ParamsFrom<Params>,
          UploadsOf<Uploads>
        >,
        unknown,
        unknown
      >
    >
  > = None,
>(
  module: Module,
  definition: StoreDefinition<Assigns, Rendered, Params, Streams, Events, Commands, Uploads>,
): Store<
  Module,
  RegistryDef<Rendered, ItemsOf<Streams>, PayloadsOf<Events>, Commands, StandardSchemaV1.InferInput<Params>>,
  StandardSchemaV1.InferInput<Params>
> {
  if (module === "" || module.includes(":")) {
    throw new MusubiError("invalid_usage", `a store module is named by a string without ":", not "${module}"`);
  }
  // The types end here: what the compiler has checked above is kept as functions of unknown.
  const { mount, render, terminate, hooks } = definition as unknown as Pick<ErasedDefinition, "mount" | "render"> & {
    readonly terminate?: NonNullable<ErasedDefinition["terminate"]>;
    readonly hooks?: NonNullable<ErasedDefinition["hooks"]>;
  };
  return {
    module,
    definition: {
      params: definition.params ?? null,
      mount,
      render,
      streams: new Map(Object.entries(definition.streams ?? {}).map(([name, value]) => [name, eraseStream(value)])),
      commands: new Map(
        Object.entries(definition.commands ?? {}).map(([name, value]) => [name, eraseCommand(module, name, value)]),
      ),
      uploads: new Map(
        Object.entries(definition.uploads ?? {}).map(([name, value]) => [
          name,
          normalizeUpload(`the upload "${name}" of ${module}`, value),
        ]),
      ),
      events: new Set(Object.keys(definition.events ?? {})),
      info: new Map(Object.entries(definition.info ?? {}) as [string, never][]),
      async: new Map(Object.entries(definition.async ?? {}) as [string, never][]),
      hooks: hooks ?? null,
      terminate: terminate ?? null,
    },
  };
}

function eraseStream(definition: StreamDefinition): ErasedStream {
  return { key: definition.key as ErasedStream["key"], limit: definition.limit ?? null };
}

function eraseCommand(module: string, name: string, value: unknown): ErasedCommand {
  const parts = commandParts(value);
  if (parts !== null) return parts;
  throw new MusubiError("invalid_usage", `the command "${name}" of ${module} is not made by command(...)`);
}
