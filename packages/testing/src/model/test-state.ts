import type { AnyRegistry, StoreModule } from "@musubi/client";
import type { AsyncField, FieldsOf, StoreField, StreamField, UploadField } from "@musubi/protocol";
import type { AsyncState, ChildStore, StreamItems, UploadSlot } from "./wire-parts.js";

type DefIn<M, R> = M extends keyof R ? R[M] : M;
type Primitive = string | number | boolean | null | undefined;

/**
 * The state of a store as a test writes it: plain values for plain fields; `childStore`, `streamOf`, `asyncOk` (or
 * `asyncLoading`, `asyncFailed`) and `uploadSlot` where the registry has a child, a stream, an async value, an upload.
 */
export type TestState<M, R = AnyRegistry> =
  string extends StoreModule<R>
    ? Readonly<Record<string, unknown>>
    : { readonly [K in keyof FieldsOf<DefIn<M, R>>]: TestValue<FieldsOf<DefIn<M, R>>[K], R> };

/** One field of a {@link TestState}. */
export type TestValue<T, R> = T extends Primitive
  ? T
  : T extends StoreField<infer Store>
    ? ChildStore<TestState<Store, R>>
    : T extends StreamField<infer Item>
      ? StreamItems<Item>
      : T extends AsyncField<infer Value, infer Reason>
        ? AsyncState<TestValue<Value, R>, Reason>
        : T extends UploadField
          ? UploadSlot
          : T extends object
            ? { readonly [K in keyof T]: TestValue<T[K], R> }
            : T;

/** States by root, `Module:id`. */
export type TestRoots<R> = {
  readonly [M in StoreModule<R> as `${M}:${string}`]?: TestState<M, R>;
};

/** The stores of a registry, with the child stores that it names nowhere: a server's own lists only its roots. */
export type DefsOf<R> = { [M in StoreModule<R>]: DefsBelow<R[M]> }[StoreModule<R>];

type DefsBelow<Def> = Def | ChildDefs<FieldsOf<Def>[keyof FieldsOf<Def>]>;

// Not into plain objects: any JSON may be below.
type ChildDefs<T> =
  T extends StoreField<infer Store>
    ? Store extends string
      ? never
      : DefsBelow<Store>
    : T extends readonly (infer Each)[]
      ? ChildDefs<Each>
      : never;
