import type { StreamPlaceholder } from "../placeholders.js";
import type { AsyncValue } from "./async-value.js";
import type { AsyncFunction, AsyncOptions, AsyncOutcome, AsyncValueOptions } from "./async-work.js";

/**
 * The items that an async function loads for a stream: an array, appended in its order, or one with a place of its
 * own. Items are upserts, as always; `reset` empties the stream right before, in the same envelope.
 */
export type StreamLoad<Item> = readonly Item[] | StreamItems<Item>;

/** Items with a place: `at` and `limit` as `insert` has them. Items of one `at` keep their order. */
export interface StreamItems<Item> {
  readonly items: readonly Item[];
  readonly at?: number;
  readonly limit?: number | null;
  readonly reset?: boolean;
}

/**
 * What any message can have done in the background. The function is called once the message has succeeded, so that
 * one that fails has started nothing. Its result comes in a message of its own; it is dropped when something newer
 * has been started under the same name, when the store has left, or its root has ended.
 */
export interface AsyncContext {
  /**
   * Calls `fn`; `async[name]` of this store gets what it came to, a failure or a {@link cancelAsync} too. Throws
   * `invalid_usage` for a name without a handler.
   */
  startAsync(name: string, fn: AsyncFunction<unknown>, options?: AsyncOptions): void;
  /**
   * Gives up what runs under a name: an async value has failed then, with the reason `cancelled`, and keeps its last
   * result; the handler of a `startAsync` gets that reason. A name under which nothing runs changes nothing.
   */
  cancelAsync(name: string): void;
}

/** In `mount` values come back, to be returned among the assigns: those are typed by them. */
export interface MountAsyncContext<Streams> extends AsyncContext {
  /** Loads an assign: the client has it as loading until `fn` is through, and then as `ok` or `failed`. */
  assignAsync<Value>(key: string, fn: AsyncFunction<Value>, options?: AsyncOptions): AsyncValue<Value>;
  /** Loads several assigns that come together: `fn` returns an object of them. Spread what this returns. */
  assignAsync<const Key extends string, Values extends Readonly<Record<Key, unknown>>>(
    keys: readonly Key[],
    fn: AsyncFunction<Values>,
    options?: AsyncOptions,
  ): { readonly [Each in Key]: AsyncValue<Values[Each]> };
  /** Loads the items of a stream. The assign of the same name, which this returns, is the state of that. */
  streamAsync<Name extends keyof Streams & string>(
    name: Name,
    fn: AsyncFunction<StreamLoad<Streams[Name]>>,
    options?: AsyncOptions,
  ): AsyncValue<StreamPlaceholder<Name>>;
}

/** Names of the assigns that are async values, whether or not they can be missing too. */
type AsyncKey<Assigns> = {
  [Key in keyof Assigns]-?: Extract<Assigns[Key], AsyncValue<unknown>> extends never ? never : Key;
}[keyof Assigns] &
  string;

type LoadedOf<Value> = Extract<Value, AsyncValue<unknown>> extends AsyncValue<infer Loaded> ? Loaded : never;

/** After `mount` the assigns are there: a value loads anew, and keeps its last result meanwhile unless `reset`. */
export interface StoreAsyncContext<Assigns, Streams> extends AsyncContext {
  /** As in `mount`, for an assign that is an async value. */
  assignAsync<Key extends AsyncKey<Assigns>>(
    key: Key,
    fn: AsyncFunction<LoadedOf<Assigns[Key]>>,
    options?: AsyncValueOptions,
  ): void;
  assignAsync<Key extends AsyncKey<Assigns>>(
    keys: readonly Key[],
    fn: AsyncFunction<{ readonly [Each in Key]: LoadedOf<Assigns[Each]> }>,
    options?: AsyncValueOptions,
  ): void;
  /** As in `mount`. Items that are there stay unless `reset`, which empties the stream at once. */
  streamAsync<Name extends keyof Streams & string>(
    name: Name,
    fn: AsyncFunction<StreamLoad<Streams[Name]>>,
    options?: AsyncValueOptions,
  ): void;
}

/** A method, so that a handler may annotate `outcome` with the value it expects. */
export interface AsyncHandlers<Context> {
  handle(ctx: Context, outcome: AsyncOutcome): void | Promise<void>;
}
