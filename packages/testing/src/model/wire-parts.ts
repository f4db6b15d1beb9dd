/** A child store in a state of a test. */
export class ChildStore<Fields> {
  readonly fields: Fields;
  /** Part of its id. */
  readonly key: string | undefined;

  constructor(fields: Fields, key?: string) {
    this.fields = fields;
    this.key = key;
  }
}

/** The items of a stream in a state of a test. */
export class StreamItems<Item> {
  readonly items: readonly Item[];
  /** One for each item. */
  readonly keys: readonly string[];

  constructor(items: readonly Item[], keys: readonly string[]) {
    this.items = items;
    this.keys = keys;
  }
}

/** An async value in a state of a test. */
export class AsyncState<Value, Reason = unknown> {
  readonly status: "loading" | "ok" | "failed";
  readonly result: Value | null;
  readonly reason: Reason | null;

  constructor(status: "loading" | "ok" | "failed", result: Value | null, reason: Reason | null) {
    this.status = status;
    this.result = result;
    this.reason = reason;
  }
}

/** An upload slot in a state of a test: the marker alone, without a config. */
export class UploadSlot {
  readonly isUploadSlot = true;
}

/**
 * A child store with these fields. `key` tells it from others in its place, which in a list is the `id` field by
 * default, else the index.
 */
export function childStore<Fields extends object>(fields: Fields, key?: string): ChildStore<Fields> {
  return new ChildStore(fields, key);
}

/** A stream with these items. `keyOf` tells them apart; default their `id` field, else their place. */
export function streamOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item, index: number) => string = keyIn,
): StreamItems<Item> {
  return new StreamItems(items, items.map(keyOf));
}

/** An async value that is there. */
export function asyncOk<Value>(value: Value): AsyncState<Value, never> {
  return new AsyncState<Value, never>("ok", value, null);
}

/** An async value that is on its way, for the first time or with the former one still to be shown. */
export function asyncLoading(): AsyncState<never, never>;
export function asyncLoading<Value>(former: Value): AsyncState<Value, never>;
export function asyncLoading<Value>(former?: Value): AsyncState<Value, never> {
  return new AsyncState<Value, never>("loading", former ?? null, null);
}

/** An async value that could not be loaded. */
export function asyncFailed<Reason>(reason: Reason): AsyncState<never, Reason> {
  return new AsyncState<never, Reason>("failed", null, reason);
}

/** An upload slot that nothing was said about yet. */
export function uploadSlot(): UploadSlot {
  return new UploadSlot();
}

/** What tells a value from the others of its list. */
export function keyIn(value: unknown, index: number): string {
  const id = typeof value === "object" && value !== null ? (value as { readonly id?: unknown }).id : undefined;
  return typeof id === "string" || typeof id === "number" ? String(id) : String(index);
}
