import type {
  AsyncField,
  CommandDef,
  CommandsOf,
  EventsOf,
  FieldsOf,
  ParamsOf,
  STORE_ID_KEY,
  StoreDef,
  StoreField,
  StoreId,
  StreamField,
  UploadField,
} from "@musubi/protocol";
import type { Unsubscribe } from "./observable.js";
import type { CommandOptions } from "./root/command-queue.js";
import type { AsyncResult } from "./state/hydrate.js";
import type { UploadHandle } from "./uploads/upload-types.js";

declare global {
  /** Where generated types describe a server's stores; the default registry. */
  namespace Musubi {
    /** Module names to definitions. Generated code merges its stores into it. */
    interface Stores {}
  }
}

/** The registry used where none is given: what generated code declares in `Musubi.Stores`. */
export type DefaultRegistry = Musubi.Stores;

/** The names of the modules that a registry knows. */
export type StoreModule<R = DefaultRegistry> = Extract<keyof R, string>;

/** The definition behind a module name of `R`, or behind a definition itself. */
export type DefOf<M, R = DefaultRegistry> = M extends keyof R
  ? R[M]
  : M extends StoreDef<infer _F, infer _C, infer _E, infer _P>
    ? M
    : never;

/** What `mountStore` takes as `params` for a module. */
export type MountParams<M, R = DefaultRegistry> = ParamsOf<DefOf<M, R>>;

/** The names of a store's commands. */
export type CommandName<M, R = DefaultRegistry> = Extract<keyof CommandsOf<DefOf<M, R>>, string>;

/** What a command is sent with. */
export type CommandPayload<M, N, R = DefaultRegistry> =
  CommandsOf<DefOf<M, R>> extends infer Commands
    ? N extends keyof Commands
      ? Commands[N] extends CommandDef<infer Payload, infer _R>
        ? Payload
        : never
      : never
    : never;

/** What a command's reply holds. */
export type CommandReply<M, N, R = DefaultRegistry> =
  CommandsOf<DefOf<M, R>> extends infer Commands
    ? N extends keyof Commands
      ? Commands[N] extends CommandDef<infer _P, infer Reply>
        ? Reply
        : never
      : never
    : never;

/** The names of the events that a store emits. */
export type EventName<M, R = DefaultRegistry> = Extract<keyof EventsOf<DefOf<M, R>>, string>;

/** What an event carries. */
export type EventPayload<M, N, R = DefaultRegistry> = N extends keyof EventsOf<DefOf<M, R>>
  ? EventsOf<DefOf<M, R>>[N]
  : never;

type Mode = "proxy" | "snapshot";
type Primitive = string | number | boolean | null | undefined;

/** A field as an app reads it: children as proxies or snapshots, streams as arrays, async values as results. */
export type FieldValue<T, R, M extends Mode> = T extends Primitive
  ? T
  : T extends StoreField<infer Store>
    ? M extends "proxy"
      ? StoreProxy<Store, R>
      : StoreSnapshot<Store, R>
    : T extends StreamField<infer Item>
      ? readonly Item[]
      : T extends AsyncField<infer Value, infer Reason>
        ? AsyncResult<FieldValue<Value, R, M>, Reason>
        : T extends UploadField
          ? UploadHandle
          : T extends readonly unknown[]
            ? { readonly [K in keyof T]: FieldValue<T[K], R, M> }
            : T extends object
              ? { readonly [K in keyof T]: FieldValue<T[K], R, M> }
              : T;

/** An immutable plain view of a store at one moment. */
export type StoreSnapshot<M, R = DefaultRegistry> = {
  readonly [K in keyof FieldsOf<DefOf<M, R>>]: FieldValue<FieldsOf<DefOf<M, R>>[K], R, "snapshot">;
} & { readonly [STORE_ID_KEY]: StoreId };

/** How a command of a store is sent; `optimistic` gets the store's own snapshot. */
export interface StoreCommandOptions<M, R = DefaultRegistry> extends Omit<CommandOptions, "optimistic"> {
  /** See {@link CommandOptions.optimistic}. */
  readonly optimistic?: (state: StoreSnapshot<M, R>) => StoreSnapshot<M, R>;
}

/** What a command is dispatched with: a payload, which may be left out when it has no required members, and options. */
export type CommandArguments<M, N, R = DefaultRegistry> = ArgumentsFor<
  CommandPayload<M, N, R>,
  StoreCommandOptions<M, R>
>;

type ArgumentsFor<Payload, Options> = [unknown] extends [Payload]
  ? [payload?: Payload, options?: Options]
  : {} extends Payload
    ? [payload?: Payload, options?: Options]
    : [Payload] extends [undefined | void]
      ? [payload?: Payload, options?: Options]
      : [payload: Payload, options?: Options];

/** What every store proxy offers beside its fields. */
export interface StoreMembers<M, R = DefaultRegistry> {
  /** The store's id in its root, as the server made it. */
  readonly [STORE_ID_KEY]: StoreId;
  /** Sends a command to this store; resolves with its reply, rejects with a `MusubiCommandError`. */
  dispatchCommand<N extends CommandName<M, R>>(
    name: N,
    ...args: CommandArguments<M, N, R>
  ): Promise<CommandReply<M, N, R>>;
  /** Calls `listener` once per envelope that changed this store or anything below it. */
  subscribe(listener: () => void): Unsubscribe;
  /** Calls `handler` for each event of this name that this store emits. */
  handleEvent<N extends EventName<M, R>>(name: N, handler: (payload: EventPayload<M, N, R>) => void): Unsubscribe;
  /** The store now, as an immutable plain value; `undefined` before it has had state and after it has left. */
  snapshot(): StoreSnapshot<M, R> | undefined;
}

/** A live view of a store: its fields as they are now, and {@link StoreMembers}. One per store. */
export type StoreProxy<M, R = DefaultRegistry> = {
  readonly [K in keyof FieldsOf<DefOf<M, R>>]: FieldValue<FieldsOf<DefOf<M, R>>[K], R, "proxy">;
} & StoreMembers<M, R>;
