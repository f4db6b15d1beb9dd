import type { AnyStore, PropsOf, StoreDefOf } from "./store-types.js";

/** Where a child store goes in a render's output. Made by {@link child}. */
export class ChildPlaceholder<Def = unknown> {
  readonly store: AnyStore;
  readonly id: string;
  readonly props: Readonly<Record<string, unknown>>;
  /** Carries the child's definition for types; never set. */
  declare readonly "~def": Def;

  constructor(store: AnyStore, id: string, props: Readonly<Record<string, unknown>>) {
    this.store = store;
    this.id = id;
    this.props = props;
  }
}

/** Where a stream goes in a render's output. Made by {@link stream}. */
export class StreamPlaceholder<Name extends string = string> {
  readonly stream: Name;

  constructor(name: Name) {
    this.stream = name;
  }
}

/** Where an upload slot goes in a render's output. Made by {@link upload}. */
export class UploadPlaceholder<Name extends string = string> {
  readonly upload: Name;

  constructor(name: Name) {
    this.upload = name;
  }
}

/**
 * Places a child store in a render's output.
 *
 * `props.id` names it among all children of the same parent; the same store under the same id stays the same
 * instance from render to render, wherever it moves. The props are its `params`: its `mount` gets the first ones, and
 * it renders anew when one is not `Object.is` to what it was. Functions among them may differ each time: the child
 * always calls the latest.
 */
export function child<S extends AnyStore>(store: S, props: PropsOf<S>): ChildPlaceholder<StoreDefOf<S>> {
  return new ChildPlaceholder(store, props.id, props);
}

/** Places the stream called `name` of the rendering store. */
export function stream<const Name extends string>(name: Name): StreamPlaceholder<Name> {
  return new StreamPlaceholder(name);
}

/** Places the upload slot called `name` of the rendering store; clients see an `UploadHandle`. */
export function upload<const Name extends string>(name: Name): UploadPlaceholder<Name> {
  return new UploadPlaceholder(name);
}
