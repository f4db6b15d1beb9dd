import type { AsyncField, JsonValue, StoreField, StreamField, UploadField } from "@musubi/protocol";
import type { AsyncReason, AsyncValue } from "./async/async-value.js";
import type { None } from "./none.js";
import type { ChildPlaceholder, StreamPlaceholder, UploadPlaceholder } from "./placeholders.js";

type IsAny<T> = 0 extends 1 & T ? true : false;

/** Members that may be absent once `undefined` has been dropped. */
type OptionalKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

type Member<T, Streams> = FieldOf<Exclude<T, undefined>, Streams>;

type ObjectOf<T, Streams> = Simplify<
  { [K in keyof T as Exclude<K, symbol | OptionalKeys<T>>]: FieldOf<T[K], Streams> } & {
    [K in keyof T as Extract<K, Exclude<OptionalKeys<T>, symbol>>]?: Member<T[K], Streams>;
  }
>;

type Simplify<T> = { [K in keyof T]: T[K] };

/**
 * The field that a rendered value becomes: what `JSON.stringify` makes of it, with child stores, streams, uploads and
 * async values as the registry's fields. `Streams` maps the store's stream names to their items.
 */
export type FieldOf<T, Streams> =
  IsAny<T> extends true
    ? T
    : unknown extends T
      ? JsonValue
      : [T] extends [JsonValue]
        ? T
        : T extends ChildPlaceholder<infer Def>
          ? StoreField<Def>
          : T extends StreamPlaceholder<infer Name>
            ? Name extends keyof Streams
              ? StreamField<JsonOf<Streams[Name]>>
              : never
            : T extends UploadPlaceholder
              ? UploadField
              : T extends AsyncValue<infer Value>
                ? AsyncField<FieldOf<Value, Streams>, AsyncReason>
                : T extends string | number | boolean | null
                  ? T
                  : T extends { toJSON(...args: never): infer Json }
                    ? FieldOf<Json, Streams>
                    : T extends bigint | symbol | ((...args: never) => unknown)
                      ? never
                      : T extends undefined
                        ? undefined
                        : T extends readonly unknown[]
                          ? { [K in keyof T]: T[K] extends undefined ? null : ElementOf<T[K], Streams> }
                          : T extends object
                            ? ObjectOf<T, Streams>
                            : never;

/** In an array `undefined` becomes `null`, since an element cannot be absent. */
type ElementOf<T, Streams> = undefined extends T
  ? unknown extends T
    ? JsonValue
    : FieldOf<Exclude<T, undefined>, Streams> | null
  : FieldOf<T, Streams>;

/** What `JSON.parse(JSON.stringify(value))` gives for a `T`. */
export type JsonOf<T> = FieldOf<T, None>;
