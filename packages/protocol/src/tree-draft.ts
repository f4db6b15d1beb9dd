/**
 * The next version of a JSON tree while ops are applied to it.
 *
 * The base is never written to: a container on the path of an op is copied when the first op reaches it and *owned*
 * from then on; all else is shared with the base. As long as containers keep their places it takes no bookkeeping to
 * know what is owned: whatever is not the object at the same place of the base. An op that inserts a container or
 * shifts a list ends that, and from the next op on a Set of the copies decides.
 */
import { checkOp, describeOp } from "./check-op.js";
import type { ErrorCode } from "./error-codes.js";
import type { JsonArray, JsonObject, JsonValue } from "./json.js";
import { MAX_JSON_DEPTH } from "./limits.js";
import { MusubiError } from "./musubi-error.js";
import {
  copyArray,
  copyInserted,
  copyObject,
  copyRemoved,
  copyWithout,
  type MutableArray,
  type MutableObject,
} from "./node-copy.js";
import type { PatchOp } from "./patch-op.js";
import { formatPointer, indexAt, quote, requireSlash } from "./pointer.js";
import { scanIndex, scanKey, scannedTo } from "./pointer-scan.js";

/** Hears what a {@link TreeDraft} does to a tree, in order. */
export interface DraftObserver {
  /**
   * A container on the path of an op, once per op, outermost (the root) first. `node` is owned by the draft;
   * `previous` is what it was copied from just now, or `node` itself when the draft owned it already.
   */
  enter(node: JsonObject | JsonArray, previous: JsonObject | JsonArray): void;
  /** A container that left the tree at the end of the path, replaced or removed. */
  removed(value: JsonObject | JsonArray): void;
  /** A container that came in at the end of the path. */
  inserted(value: JsonObject | JsonArray): void;
}

type Container = JsonObject | JsonArray;

/**
 * Applies ops one by one to a copy-on-write draft of `base`; `root` is the tree so far.
 *
 * Each container is copied once per draft however many ops touch it (an object that loses a member after that is built
 * once more), and what no op touches stays the identical object. Neither the base nor the value of an op is ever
 * written to. A draft whose `apply` or `touch` threw is to be thrown away: the base is as it was.
 *
 * Values are trusted to have passed `checkValue` (`parseEnvelope` and `applyPatch` see to that), and must not be parts
 * of this draft's own `root`.
 */
export class TreeDraft {
  /**
   * Drafts that are never used, and so always alive. A draft lives for one envelope; a full collection of V8 that finds
   * no draft alive forgets what drafts look like and throws away the optimised code of this class, and the next
   * envelopes take three to five times as long. One is made of a number, one of an object: what either holds fits.
   *
   * @internal
   */
  static readonly resting: readonly TreeDraft[] = [new TreeDraft(0), new TreeDraft({})];

  #base: JsonValue;
  #root: JsonValue;
  readonly #observer: DraftObserver | undefined;
  /** Every copy, in order, until `#owned` takes over. */
  #copies: Container[] = [];
  #owned: Set<Container> | undefined = undefined;
  /** Whether a place of the draft may hold what the base has elsewhere, or a value that came with an op. */
  #moved = false;
  /** Whether nothing is owned yet. */
  #fresh = true;
  #applied = 0;

  constructor(base: JsonValue, observer?: DraftObserver) {
    this.#base = base;
    this.#root = base;
    this.#observer = observer;
  }

  /** The tree with every op applied so far. */
  get root(): JsonValue {
    return this.#root;
  }

  /**
   * Applies one op (RFC 6902 section 4; protocol.md section 3).
   *
   * Throws `path_not_found` when the path leads nowhere, `invalid_pointer` when it is no pointer or names a prototype,
   * `too_deep` for a path of more than 256 tokens, and `malformed_envelope` for an op of another shape.
   */
  apply(op: PatchOp): void {
    checkOp(op, this.#applied);
    if (op.path === "") this.#replaceRoot(op);
    else {
      try {
        this.#change(op);
      } catch (cause) {
        throw isInvalidPointer(cause) ? this.#error(op, "invalid_pointer", `cannot be: ${cause.message}`) : cause;
      }
    }
    this.#applied += 1;
  }

  /**
   * Makes the draft own every container on a path, the one at its end included, and changes no value: so that a
   * change made beside the tree (to a stream, an upload) shows in it as identity.
   *
   * Throws `path_not_found` when a token leads to no container.
   */
  touch(tokens: readonly (string | number)[]): void {
    this.#beginStep();
    let node: JsonValue | undefined = this.#root;
    let before: JsonValue | undefined = this.#base;
    let parent: Container | undefined;
    let slot: string | number = "";
    for (let at = 0; ; at++) {
      if (typeof node !== "object" || node === null) {
        const place = quote(formatPointer(tokens.slice(0, at)));
        throw new MusubiError("path_not_found", `cannot touch ${place}: this tree has no object or array there`);
      }
      parent = this.#own(node, before, parent, slot);
      if (at === tokens.length) return;
      slot = tokens[at] as string | number;
      if (Array.isArray(parent) && typeof slot === "string") slot = indexAt(slot, 0, slot.length);
      node = childOf(parent, slot);
      before = childOf(before, slot);
    }
  }

  #replaceRoot(op: PatchOp): void {
    if (op.op === "remove")
      throw this.#error(op, "malformed_envelope", "would leave no tree: replace the root instead");
    this.#tell(this.#root, op.value);
    // Every copy has left with the former root, and no part of the value is owned: it is a base like any other.
    this.#root = op.value;
    this.#base = op.value;
    this.#copies = [];
    this.#owned = undefined;
    this.#moved = false;
  }

  #change(op: PatchOp): void {
    this.#beginStep();
    const { path } = op;
    const fresh = this.#fresh;
    requireSlash(path);
    let node: JsonValue | undefined = this.#root;
    let before: JsonValue | undefined = this.#base;
    let parent: Container | undefined;
    let slot: string | number = "";
    let start = 1;
    for (let depth = 0; depth < MAX_JSON_DEPTH; depth++) {
      if (typeof node !== "object" || node === null) {
        const place = quote(path.slice(0, start - 1));
        throw this.#error(op, "path_not_found", `leads through ${place}, which is no object or array`);
      }
      if (Array.isArray(node)) {
        const array: JsonArray = node;
        const index = scanIndex(path, start, array.length);
        const end = scannedTo();
        if (end === path.length) return this.#changeArray(op, array, index, before, parent, slot);
        parent = this.#own(array, before, parent, slot);
        node = array[index];
        if (!fresh) before = childOf(before, index);
        slot = index;
        start = end + 1;
      } else {
        const object = node as JsonObject;
        const key = scanKey(path, start);
        const end = scannedTo();
        if (end === path.length) return this.#changeObject(op, object, key, before, parent, slot);
        parent = this.#own(object, before, parent, slot);
        node = object[key];
        if (!fresh) before = childOf(before, key);
        slot = key;
        start = end + 1;
      }
    }
    throw this.#error(op, "too_deep", `leads more than ${MAX_JSON_DEPTH} levels down: flatten the tree`);
  }

  #changeObject(
    op: PatchOp,
    object: JsonObject,
    key: string,
    before: JsonValue | undefined,
    parent: Container | undefined,
    slot: string | number,
  ): void {
    let former: JsonValue | undefined = object[key];
    // What an object inherits is a function, which no JSON value is.
    if (typeof former === "function") former = undefined;
    if (former === undefined && op.op !== "add") throw this.#missing(op, "has no such member");
    if (op.op === "remove") {
      this.#attach(copyWithout(object, key), object, parent, slot);
      this.#tell(former, undefined);
    } else {
      (this.#own(object, before, parent, slot) as MutableObject)[key] = op.value;
      this.#tell(former, op.value);
    }
  }

  #changeArray(
    op: PatchOp,
    array: JsonArray,
    index: number,
    before: JsonValue | undefined,
    parent: Container | undefined,
    slot: string | number,
  ): void {
    if (index === -1 || index > array.length || (index === array.length && op.op !== "add")) {
      throw this.#missing(op, `is an array of ${array.length}`);
    }
    if (op.op === "replace") {
      const former = array[index];
      (this.#own(array, before, parent, slot) as MutableArray)[index] = op.value;
      this.#tell(former, op.value);
    } else if (op.op === "add") {
      if (index < array.length) this.#moved = true;
      if (this.#owns(array, before)) {
        this.#observer?.enter(array, array);
        (array as MutableArray).splice(index, 0, op.value);
      } else {
        this.#attach(copyInserted(array, index, op.value), array, parent, slot);
      }
      this.#tell(undefined, op.value);
    } else {
      const former = array[index];
      if (index < array.length - 1) this.#moved = true;
      if (this.#owns(array, before)) {
        this.#observer?.enter(array, array);
        (array as MutableArray).splice(index, 1);
      } else {
        this.#attach(copyRemoved(array, index), array, parent, slot);
      }
      this.#tell(former, undefined);
    }
  }

  /** Decides how this op or touch tells what is owned. */
  #beginStep(): void {
    if (this.#moved && this.#owned === undefined) this.#owned = new Set(this.#copies);
    this.#fresh = this.#owned === undefined && this.#copies.length === 0;
  }

  /** Whether the draft made `node`; `before` is what the base has at the same place. */
  #owns(node: Container, before: JsonValue | undefined): boolean {
    if (this.#fresh) return false;
    return this.#owned === undefined ? node !== before : this.#owned.has(node);
  }

  /** `node` itself when the draft owns it, else a copy put in its place. */
  #own(
    node: Container,
    before: JsonValue | undefined,
    parent: Container | undefined,
    slot: string | number,
  ): Container {
    if (this.#owns(node, before)) {
      this.#observer?.enter(node, node);
      return node;
    }
    const own = Array.isArray(node) ? copyArray(node) : copyObject(node as JsonObject);
    this.#attach(own, node, parent, slot);
    return own;
  }

  /** Puts a copy in the place of what it was copied from. */
  #attach(own: Container, previous: Container, parent: Container | undefined, slot: string | number): void {
    if (this.#owned === undefined) this.#copies.push(own);
    else this.#owned.add(own);
    if (parent === undefined) this.#root = own;
    else if (Array.isArray(parent)) (parent as MutableArray)[slot as number] = own;
    else (parent as MutableObject)[slot] = own;
    this.#observer?.enter(own, previous);
  }

  /** Reports what the end of a path lost and got; notes a container that the draft does not own. */
  #tell(former: JsonValue | undefined, value: JsonValue | undefined): void {
    if (typeof former === "object" && former !== null) this.#observer?.removed(former);
    if (typeof value === "object" && value !== null) {
      this.#moved = true;
      this.#observer?.inserted(value);
    }
  }

  #missing(op: PatchOp, problem: string): MusubiError {
    const cut = op.path.lastIndexOf("/");
    const [place, token] = [quote(op.path.slice(0, cut)), quote(op.path.slice(cut + 1))];
    return this.#error(op, "path_not_found", `looks for ${token} in ${place}, which ${problem}`);
  }

  #error(op: PatchOp, code: ErrorCode, problem: string): MusubiError {
    const advice =
      code === "path_not_found" ? ": this tree is not the one the op was made for, mount its root again" : "";
    return new MusubiError(code, `${describeOp(op, this.#applied)} ${problem}${advice}`, {
      details: { index: this.#applied, op: op.op, path: op.path },
    });
  }
}

function isInvalidPointer(cause: unknown): cause is MusubiError {
  return cause instanceof MusubiError && cause.code === "invalid_pointer";
}

function childOf(node: JsonValue | undefined, slot: string | number): JsonValue | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  return (node as Readonly<Record<string | number, JsonValue>>)[slot];
}
