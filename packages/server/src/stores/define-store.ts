import { MusubiError } from "@musubi/protocol";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { normalizeUpload, type UploadDefinition } from "../uploads/upload-definition.js";
import type { AsyncHandlers } from "./async/async-context.js";
import { commandParts } from "./command.js";
import type { ErasedCommand, ErasedDefinition, ErasedStream } from "./erased.js";
import type { StoreHooks } from "./hooks.js";
import type { None } from "./none.js";
import type {
  Command,
  ContextFrom,
  ItemsOf,
  MountContext,
  ParamsFrom,
  PayloadsOf,
  RegistryDef,
  RenderContext,
  Store,
  StreamDefinition,
  TerminateContext,
  TerminateReason,
  WriteMountAndRenderOfAssignsFirst,
} from "./store-types.js";

/** Params of a store that declares none: whatever comes is ignored. */
export type NoParams = StandardSchemaV1<object, object>;

/** A method, so that a handler may annotate `message` with the type it expects. */
interface InfoHandler<Context, Message> {
  handle(ctx: Context, message: Message): void | Promise<void>;
}

/**
 * A store: its state (`mount` makes the assigns, handlers change them), what clients see of it (`render`), and what
 * can happen to it. Write `mount` and `render` before all that uses assigns: TypeScript infers them in that order, and
 * says so where it could not.
 */
export interface StoreDefinition<
  Assigns extends object,
  Rendered extends object,
  Params extends StandardSchemaV1,
  Streams,
  Events,
  Commands,
  Uploads = None,
  Messages = None,
  Info = None,
> {
  /** Checks what the client mounts with, or a parent's props; any Standard Schema. Without one `params` is `{}`. */
  readonly params?: Params;
  /** Keyed lists whose items live at the clients; placed in the tree with `stream(name)`. */
  readonly streams?: Streams;
  /** Events and their payloads' schemas; for types alone, since the server's own code makes the payloads. */
  readonly events?: Events;
  /** Slots that clients can send files to; placed in the tree with `upload(name)`. Write them before `commands`. */
  readonly uploads?: Uploads & Readonly<Record<string, UploadDefinition>>;
  /**
   * What `info` takes, by name, and its schemas; for types alone, since the server's own code makes the messages. With
   * it names and messages are checked wherever one is sent. Without it `info` annotates its own, and what a server
   * sends is checked against that.
   */
  readonly messages?: Messages;
  /** Makes the assigns of a new store. Throwing, or `ctx.refuse`, refuses the mount. */
  mount(
    ctx: MountContext<ItemsOf<Streams>, PayloadsOf<Events>, ParamsFrom<Params>, PayloadsOf<Messages>>,
    params: ParamsFrom<Params>,
  ): Assigns | Promise<Assigns>;
  /**
   * What clients see: JSON (as `JSON.stringify` would have it), `child` stores and `stream`s. Runs again only when an
   * assign or a prop has changed; it must be pure.
   */
  render(
    assigns: Readonly<Assigns>,
    context: RenderContext<ContextFrom<Assigns, Streams, Events, Params, Uploads, Messages>, ParamsFrom<Params>>,
  ): Rendered;
  /** What clients can ask for, each made by `command`. */
  readonly commands?: Commands;
  /** Takes what `ctx.send`, timers, subscriptions and the server's `send` bring, by name. */
  readonly info?: {
    readonly [Name in keyof Info]: InfoHandler<
      ContextFrom<Assigns, Streams, Events, Params, Uploads, Messages>,
      Name extends keyof Messages ? PayloadsOf<Messages>[Name & keyof PayloadsOf<Messages>] : Info[Name]
    >["handle"];
  };
  /** Takes what `ctx.startAsync` came to, by name. */
  readonly async?: Readonly<
    Record<string, AsyncHandlers<ContextFrom<Assigns, Streams, Events, Params, Uploads, Messages>>["handle"]>
  >;
  /** What runs around mounts, commands and renders of this store, after the server's hooks for all stores. */
  readonly hooks?: StoreHooks<
    ContextFrom<Assigns, Streams, Events, Params, Uploads, Messages>,
    MountContext<ItemsOf<Streams>, PayloadsOf<Events>, ParamsFrom<Params>, PayloadsOf<Messages>>
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
  // The default is what TypeScript takes where it needs the assigns before it has seen `mount`.
  Assigns extends object = WriteMountAndRenderOfAssignsFirst,
  Rendered extends object = object,
  Params extends StandardSchemaV1 = NoParams,
  Streams extends Readonly<Record<string, StreamDefinition>> = None,
  Events extends Readonly<Record<string, StandardSchemaV1>> = None,
  Uploads extends Readonly<Record<string, UploadDefinition>> = None,
  Messages extends Readonly<Record<string, StandardSchemaV1>> = None,
  Info = None,
  Commands extends Readonly<
    Record<string, Command<ContextFrom<Assigns, Streams, Events, Params, Uploads, Messages>, unknown, unknown>>
  > = None,
>(
  module: Module,
  definition: StoreDefinition<Assigns, Rendered, Params, Streams, Events, Commands, Uploads, Messages, Info>,
): Store<
  Module,
  RegistryDef<Rendered, ItemsOf<Streams>, PayloadsOf<Events>, Commands, StandardSchemaV1.InferInput<Params>>,
  StandardSchemaV1.InferInput<Params>,
  ContextFrom<Assigns, Streams, Events, Params, Uploads, Messages>,
  Info
> {
  if (module === "" || module.includes(":")) {
    throw new MusubiError("invalid_usage", `a store module is named by a string without ":", not "${module}"`);
  }
  const unheard = Object.keys(definition.messages ?? {}).find((name) => !Object.hasOwn(definition.info ?? {}, name));
  if (unheard !== undefined) {
    throw new MusubiError("invalid_usage", `the message "${unheard}" of ${module} has no handler in info`);
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
