/**
 * Types that describe a server's stores to a client: a *registry* maps module names to {@link StoreDef}s. It is
 * either generated (an ambient interface) or inferred from the stores of `@musubi/server` (`InferStores`). Nothing
 * here exists at run time.
 */

declare const storeBrand: unique symbol;
declare const fieldBrand: unique symbol;

/** One store module: the fields it renders, its commands, its events and the params of its mount. */
export interface StoreDef<
  Fields extends object = object,
  Commands extends object = object,
  Events extends object = object,
  Params = unknown,
> {
  readonly [storeBrand]: {
    readonly fields: Fields;
    readonly commands: Commands;
    readonly events: Events;
    readonly params: Params;
  };
}

/** A command in a {@link StoreDef}: what is sent and what the reply holds. */
export interface CommandDef<Payload = unknown, Reply = unknown> {
  readonly payload: Payload;
  readonly reply: Reply;
}

/** A field that holds a child store: a module name of the same registry, or the definition itself. */
export interface StoreField<Store> {
  readonly [fieldBrand]: "store";
  readonly store: Store;
}

/** A field that places a stream (keyed list) of items. */
export interface StreamField<Item> {
  readonly [fieldBrand]: "stream";
  readonly item: Item;
}

/** A field that the server loads in the background. */
export interface AsyncField<Value, Reason = unknown> {
  readonly [fieldBrand]: "async";
  readonly value: Value;
  readonly reason: Reason;
}

/** A field that is an upload slot. */
export interface UploadField {
  readonly [fieldBrand]: "upload";
}

/** The fields of a store definition. */
export type FieldsOf<Def> = Def extends StoreDef<infer Fields, infer _C, infer _E, infer _P> ? Fields : never;
/** The commands of a store definition. */
export type CommandsOf<Def> = Def extends StoreDef<infer _F, infer Commands, infer _E, infer _P> ? Commands : never;
/** The events of a store definition, by name. */
export type EventsOf<Def> = Def extends StoreDef<infer _F, infer _C, infer Events, infer _P> ? Events : never;
/** The mount params of a store definition. */
export type ParamsOf<Def> = Def extends StoreDef<infer _F, infer _C, infer _E, infer Params> ? Params : never;
