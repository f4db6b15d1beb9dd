import {
  ASYNC_KEY,
  type JsonObject,
  type JsonValue,
  MAX_JSON_DEPTH,
  MusubiError,
  RESERVED_PREFIX,
  streamMarker,
  UPLOAD_KEY,
} from "@musubi/protocol";
import { AsyncValue } from "./async/async-value.js";
import { ChildPlaceholder, StreamPlaceholder, UploadPlaceholder } from "./placeholders.js";

/** A JSON container under construction. */
export type Container = Record<string | number, JsonValue>;

/** Takes the placeholders that a render's output may hold. */
export interface PlaceholderVisitor {
  /** A child goes at `path`, which is only valid during the call; returns what stands for it. */
  child(placeholder: ChildPlaceholder, path: readonly (string | number)[]): JsonObject | null;
  hasStream(name: string): boolean;
  hasUpload(name: string): boolean;
}

/** Names that no JSON pointer of an envelope may pass through, so no child may sit below one (protocol.md section 4). */
const PROTOTYPE_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** Values that JSON.stringify would turn into something empty or surprising. */
const OPAQUE: readonly (abstract new (...args: never) => object)[] = [
  Map,
  Set,
  WeakMap,
  WeakSet,
  Promise,
  ArrayBuffer,
  RegExp,
];

/**
 * Copies a value as `JSON.parse(JSON.stringify(value))` would: `toJSON` is asked, `undefined` members are left out,
 * and what is not finite is `null`. What JSON cannot say is refused with the path to it: BigInt, functions, symbols,
 * cycles, Maps, Sets, promises and binary data (`not_json`), reserved names (`reserved_field`), depth (`too_deep`).
 */
export class JsonWriter {
  /** Values visited so far: a measure of work. */
  visited = 0;
  readonly #path: (string | number)[] = [];
  readonly #ancestors: object[] = [];
  readonly #what: string;
  readonly #depth: number;
  readonly #visitor: PlaceholderVisitor | null;

  /** `what` names the value in messages; `depth` is how deep it already sits; a visitor makes it a render's output. */
  constructor(what: string, depth = 0, visitor: PlaceholderVisitor | null = null) {
    this.#what = what;
    this.#depth = depth;
    this.#visitor = visitor;
  }

  /** The copy; `undefined` for `undefined`. */
  write(value: unknown): JsonValue | undefined {
    return this.#write(value, "");
  }

  /** Copies the members of `value` into `target`. */
  writeMembers(value: object, target: Container): void {
    this.#ancestors.push(value);
    this.#members(value as Readonly<Record<string, unknown>>, target);
    this.#ancestors.pop();
  }

  #write(value: unknown, key: string | number): JsonValue | undefined {
    this.visited += 1;
    switch (typeof value) {
      case "string":
      case "boolean":
        return value;
      case "number":
        // Adding zero makes -0 what JSON.stringify makes of it.
        return Number.isFinite(value) ? value + 0 : null;
      case "undefined":
        return undefined;
      case "object":
        return value === null ? null : this.#writeObject(value, key);
      default:
        throw this.#refuse("not_json", `a ${typeof value} has no place in JSON`);
    }
  }

  #writeObject(value: object, key: string | number): JsonValue | undefined {
    if (isPlaceholder(value)) {
      return this.#place(value);
    }
    const { toJSON } = value as { readonly toJSON?: unknown };
    if (typeof toJSON === "function") {
      const json: unknown = toJSON.call(value, String(key));
      if (typeof json !== "object" || json === null) return this.#write(json, key);
      return this.#writeContainer(json);
    }
    // oxlint-disable-next-line unicorn/no-instanceof-builtins -- boxed values of this realm, as JSON.stringify unboxes them
    if (value instanceof Number || value instanceof String || value instanceof Boolean) {
      return this.#write(value.valueOf(), key);
    }
    return this.#writeContainer(value);
  }

  #writeContainer(value: object): JsonValue {
    if (OPAQUE.some((type) => value instanceof type) || ArrayBuffer.isView(value)) {
      throw this.#refuse(
        "not_json",
        `a ${value.constructor.name} has no place in JSON: turn it into an array or object`,
      );
    }
    if (this.#depth + this.#path.length >= MAX_JSON_DEPTH) throw this.#tooDeep(value);
    this.#ancestors.push(value);
    let copy: JsonValue;
    if (Array.isArray(value)) {
      copy = this.#elements(value);
    } else {
      const members: Record<string, JsonValue> = {};
      this.#members(value as Readonly<Record<string, unknown>>, members);
      copy = members;
    }
    this.#ancestors.pop();
    return copy;
  }

  #elements(value: readonly unknown[]): JsonValue[] {
    const copy: JsonValue[] = [];
    for (let at = 0; at < value.length; at++) {
      this.#path.push(at);
      copy.push(this.#write(value[at], at) ?? null);
      this.#path.pop();
    }
    return copy;
  }

  #members(value: Readonly<Record<string, unknown>>, copy: Container): void {
    for (const key of Object.keys(value)) {
      const member = value[key];
      if (member === undefined) continue;
      this.#path.push(key);
      if (key.startsWith(RESERVED_PREFIX) || key === "__proto__") {
        const isOwn = key === ASYNC_KEY && value instanceof AsyncValue && this.#visitor !== null;
        if (!isOwn) throw this.#refuse("reserved_field", "this name is reserved: rename the field");
      }
      const json = this.#write(member, key);
      if (json !== undefined) copy[key] = json;
      this.#path.pop();
    }
  }

  #place(value: Placeholder): JsonObject | null {
    const visitor = this.#visitor;
    if (visitor === null)
      throw this.#refuse("not_json", "child(...), stream(...) and upload(...) belong in what render returns");
    if (value instanceof ChildPlaceholder) {
      if (this.#isBelowPrototype()) {
        throw this.#refuse("reserved_field", "no child store can sit below this name: rename the field");
      }
      return visitor.child(value, this.#path);
    }
    if (value instanceof UploadPlaceholder) {
      if (visitor.hasUpload(value.upload)) return { [UPLOAD_KEY]: value.upload };
      throw this.#refuse("invalid_usage", `the store defines no upload called "${value.upload}"`);
    }
    if (!visitor.hasStream(value.stream)) {
      throw this.#refuse("invalid_usage", `the store defines no stream called "${value.stream}"`);
    }
    return streamMarker(value.stream);
  }

  #isBelowPrototype(): boolean {
    for (const part of this.#path) if (typeof part === "string" && PROTOTYPE_KEYS.has(part)) return true;
    return false;
  }

  #tooDeep(value: object): MusubiError {
    // A cycle always ends here, by its first path down; so nothing else has to look for one.
    return this.#ancestors.includes(value)
      ? this.#refuse("not_json", "the value contains itself")
      : this.#refuse("too_deep", `nested deeper than ${MAX_JSON_DEPTH} levels: flatten it`);
  }

  #refuse(code: "not_json" | "reserved_field" | "too_deep" | "invalid_usage", why: string): MusubiError {
    const shown = this.#path.length > 12 ? [...this.#path.slice(0, 12), "..."] : this.#path;
    const path = shown.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
    return new MusubiError(code, `${this.#what}${path}: ${why}`, { details: { path: [...this.#path] } });
  }
}

type Placeholder = ChildPlaceholder | StreamPlaceholder | UploadPlaceholder;

/** Whether a value is a place for something that is not JSON. */
export function isPlaceholder(value: unknown): value is Placeholder {
  return value instanceof ChildPlaceholder || value instanceof StreamPlaceholder || value instanceof UploadPlaceholder;
}

/** A value as JSON, `fallback` for `undefined`; `what` names it in the message of an error. */
export function toJson(value: unknown, what: string, fallback: JsonValue = null): JsonValue {
  return new JsonWriter(what).write(value) ?? fallback;
}
