import type { CommandDef, StoreDef, StoreId } from "@musubi/protocol";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Unsubscribe } from "../channels/pubsub.js";
import type { Logger } from "../logger.js";
import type { Uploaded, UploadsOf } from "../uploads/upload-definition.js";
import type { User } from "../user.js";
import type { MountAsyncContext, StoreAsyncContext } from "./async/async-context.js";
import type { ErasedDefinition } from "./erased.js";
import type { FieldOf, JsonOf } from "./json-of.js";
import type { MessageArgs, MessageName } from "./messages.js";
import type { None } from "./none.js";

/** How the items of a stream are told apart, and how many a client keeps. */
export interface StreamDefinition {
  /** The item's key, unique in its stream; annotate the parameter, it is the item's type. */
  readonly key: (item: never) => string;
  /** Entries that clients keep (protocol.md section 5); `null`, the default, keeps all. */
  readonly limit?: number | null;
}

// In the types below `never` stands for "not inferred yet": TypeScript types the `ctx` of a command while the
// definition around it is still being inferred, and would give up on a context with an open type in it.

/** The items of streams, by name, from their `key` functions. */
export type ItemsOf<Streams> = [Streams] extends [never]
  ? None
  : {
      readonly [Name in keyof Streams]: Streams[Name] extends { readonly key: (item: infer Item) => string }
        ? Item
        : never;
    };

/** The payloads of events or messages, by name, as the server's code makes them. */
export type PayloadsOf<Events> = [Events] extends [never]
  ? None
  : {
      readonly [Name in keyof Events]: Events[Name] extends StandardSchemaV1
        ? StandardSchemaV1.InferInput<Events[Name]>
        : never;
    };

/**
 * The assigns of code that stands before `mount` and `render`, or after a `render` without parameters: TypeScript does
 * not know them yet. None can be read or assigned. (With `object`, so that contexts with real assigns still fit.)
 */
export type WriteMountAndRenderOfAssignsFirst = object & {
  readonly "write mount, then render with a parameter for the assigns, then all else"?: never;
};

/** What `mount` returned. */
export type AssignsFrom<Assigns extends object> = [Assigns] extends [never]
  ? WriteMountAndRenderOfAssignsFirst
  : Assigns;

/** Params as their schema hands them to the store's code. */
export type ParamsFrom<Schema extends StandardSchemaV1> = [Schema] extends [never]
  ? object
  : StandardSchemaV1.InferOutput<Schema>;

/** Writes to a stream of the store. The items are kept by clients, never here. */
export interface StreamWriter<Item> {
  /**
   * Puts an item in place, removing the one of the same key first. `at`: -1 (default) appends, 0 prepends; `limit`
   * overrides the definition's (protocol.md section 5).
   */
  insert(item: Item, options?: { readonly at?: number; readonly limit?: number | null }): void;
  /** Removes the item of this key; an unknown one changes nothing. */
  delete(key: string): void;
  /** Empties the stream, then appends `items`. */
  reset(items?: readonly Item[]): void;
}

/** What code of a store can do in any message, `mount` included. Dead once its message has ended: `stale_context`. */
export interface BaseContext<Streams, Events, Params, Messages = None> {
  /** The id that the client mounted this root with, or the child's own. */
  readonly id: string;
  readonly module: string;
  readonly storeId: StoreId;
  /** The number that the client gave the command that is handled; `null` where there is none. */
  readonly commandId: number | null;
  /** The mount's params as its schema gave them, or the props from the parent, latest ones. */
  readonly params: Params;
  readonly user: User;
  readonly logger: Logger;
  /** Aborted when the message runs out of time, fails, or its root ends. */
  readonly signal: AbortSignal;
  stream<Name extends keyof Streams & string>(name: Name): StreamWriter<Streams[Name]>;
  /** Sends an event to this root's client with the envelope of this message (protocol.md section 7). */
  pushEvent<Name extends keyof Events & string>(name: Name, payload: Events[Name]): void;
  /** Puts a message for `info[name]` of this store into the mailbox, once this message has succeeded. */
  send<Name extends MessageName<Messages>>(name: Name, ...message: MessageArgs<Messages, Name>): void;
  /**
   * Changes some assigns of another store of this root, by its id, in a message of its own once this one has
   * succeeded. One that is not in the tree then is left alone. To have them checked write
   * `{ ... } satisfies Partial<AssignsOf<typeof Other>>`.
   */
  sendUpdate(storeId: StoreId, assigns: Readonly<Record<string, unknown>>): void;
  /** As {@link send}, after `delayMs`. Undone by the function it returns and by the store's end. */
  sendAfter<Name extends MessageName<Messages>>(
    delayMs: number,
    name: Name,
    ...message: MessageArgs<Messages, Name>
  ): Unsubscribe;
  /** As {@link send}, every `periodMs` until undone. */
  sendEvery<Name extends MessageName<Messages>>(
    periodMs: number,
    name: Name,
    ...message: MessageArgs<Messages, Name>
  ): Unsubscribe;
  /** Hands each message published on `topic` to `info[name]`, until undone or the store ends. */
  subscribe(topic: string, name: MessageName<Messages>): Unsubscribe;
  /** Publishes to every subscriber of `topic`, once this message has succeeded. */
  publish(topic: string, message: unknown): void;
}

/** What `mount` gets: what it returns becomes the assigns. */
export interface MountContext<Streams, Events, Params, Messages = None>
  extends BaseContext<Streams, Events, Params, Messages>,
    MountAsyncContext<Streams> {
  /**
   * Refuses the mount: the client gets `{ ...details, reason }`. TypeScript does not see that code ends here: write
   * `return ctx.refuse(...)`, `found ?? ctx.refuse(...)`, or use the function `reject`, which it sees.
   */
  refuse(reason: string, details?: object): never;
}

/** What commands, infos and parent callbacks get. */
export interface StoreContext<Assigns, Streams, Events, Params, Uploads = None, Messages = None>
  extends BaseContext<Streams, Events, Params, Messages>,
    StoreAsyncContext<Assigns, Streams> {
  /** The store's state as of now; frozen in development. */
  readonly assigns: Readonly<Assigns>;
  /** Changes some assigns; the store renders anew when one is not `Object.is` to what it was. */
  assign(partial: Partial<Assigns>): void;
  /**
   * Hands each file that has arrived in this slot to `consume`, one after the other in the order of their selection,
   * and resolves with what it returned for each. What it was handed is removed once this message has succeeded, unless
   * `consume` calls `postpone`: then the next call gets it again. A file has to be copied or moved by then.
   */
  consumeUploadedEntries<Name extends keyof Uploads & string, Result>(
    name: Name,
    consume: (entry: Uploaded<Uploads[Name]>, postpone: () => void) => Result | Promise<Result>,
  ): Promise<Result[]>;
  /** Cancels an entry of this slot, or all of them, and removes what has arrived, once this message has succeeded. */
  cancelUpload(name: keyof Uploads & string, ref?: string): void;
  /**
   * Ends the command with the error reply `{ ...details, reason }` and discards all that it did. TypeScript does not
   * see that code ends here: write `return ctx.reject(...)`, or use the function `reject`, which it sees.
   */
  reject(reason: string, details?: object): never;
}

/** What `render` gets beside the assigns. It must not change anything. */
export interface RenderContext<Context, Params> {
  readonly params: Params;
  /**
   * Makes a function prop that runs this store's code when a child calls it, in the child's own message: what either
   * of them changes is sent in one envelope, or discarded as one.
   */
  readonly callback: <Args extends readonly unknown[], Result>(
    handler: (ctx: Context, ...args: Args) => Result,
  ) => (...args: Args) => Result;
}

/** Why a store ended. `discarded`: its mount came to nothing, since the message or the mount it was part of failed. */
export type TerminateReason = "unmount" | "disconnect" | "removed" | "down" | "discarded" | "shutdown";

/** What `terminate` gets. */
export interface TerminateContext<Assigns, Params> {
  readonly id: string;
  readonly storeId: StoreId;
  readonly assigns: Readonly<Assigns>;
  readonly params: Params;
  readonly user: User;
  readonly logger: Logger;
  publish(topic: string, message: unknown): void;
}

declare const commandBrand: unique symbol;

/**
 * A command of a store, made by `command`. It is a function type so that TypeScript leaves it until the assigns of
 * the definition around it are known; it is not meant to be called.
 */
export type Command<Context, Input, Reply> = (
  context: Context,
  input: { readonly [commandBrand]: (input: Input) => void },
) => Reply;

/** A command's definition in the registry: what clients send and what they get. */
export type CommandDefOf<C> =
  C extends Command<never, infer Input, infer Reply> ? CommandDef<Input, ReplyOf<Awaited<Reply>>> : never;

type ReplyOf<Reply> = [Reply] extends [void] ? Record<string, never> : JsonOf<Exclude<Reply, void | undefined>>;

/** A store made by `defineStore`: what `child` places and `createMusubiServer` serves. */
export interface Store<
  Module extends string = string,
  Def = unknown,
  Props = never,
  Context = unknown,
  Info = unknown,
> {
  readonly module: Module;
  /** The definition without its types, for the runtime. */
  readonly definition: ErasedDefinition;
  /** Carries types only; never set. */
  readonly "~types"?: {
    readonly def: Def;
    readonly props: (props: Props) => void;
    readonly context: Context;
    readonly info: Info;
  };
}

/** Any store. */
export type AnyStore = Store;

/** The props that place a store as a child: its params and an id. */
export type PropsOf<S> =
  S extends Store<string, unknown, infer Props> ? Props & { readonly id: string } : { readonly id: string };

/** A store's definition in the registry. */
export type StoreDefOf<S> = S extends Store<string, infer Def> ? Def : never;

/** The registry's definition for what a `defineStore` call inferred. */
export type RegistryDef<Rendered, Streams, Events, Commands, Params> = StoreDef<
  FieldsOfRendered<Rendered, Streams>,
  { [Name in keyof Commands]: CommandDefOf<Commands[Name]> },
  { [Name in keyof Events]: JsonOf<Events[Name]> },
  Params
>;

type FieldsOfRendered<Rendered, Streams> =
  FieldOf<Rendered, Streams> extends infer Fields extends object ? Fields : never;

/** What commands and infos of a definition get, by the types of its parts. In an app of yours write `ContextOf`. */
export type ContextFrom<
  Assigns extends object,
  Streams,
  Events,
  Params extends StandardSchemaV1,
  Uploads,
  Messages,
> = StoreContext<
  AssignsFrom<Assigns>,
  ItemsOf<Streams>,
  PayloadsOf<Events>,
  ParamsFrom<Params>,
  UploadsOf<Uploads>,
  PayloadsOf<Messages>
>;
