/**
 * The next version of a JSON tree while ops are applied to it.
 *
 * The base is never written to: a container on the path of an op is copied when the first op reaches it and *owned*
 * from then on; all else is shared with the base. As long as containers keep their places it takes no bookkeeping to
 * know what is owned: whatever is not the object at the same place of the base. An op that inserts a container or
 * shifts a list ends that, and from the next op on a Set of the copies decides.
 */
import type { JsonArray, JsonObject, JsonValue } from "./json.js";
import { MAX_JSON_DEPTH } from "./limits.js";
import { MusubiError } from "./musubi-error.js";
import { copyNode, copySpliced, copyWithout, type MutableArray, type MutableObject, spliceIn } from "./node-copy.js";
import type { PatchOp } from "./patch-op.js";
import { quote, scanIndex, scanKey, scannedTo } from "./pointer.js";

type Container = JsonObject | JsonArray;
/** What the base has at some place. */
type Before = JsonValue | undefined;
/** Most drafts make a few copies; an array would begin with room for more of them. */
type Copies = { readonly copy: Container; readonly next: Copies } | undefined;

/** Hears what a {@link TreeDraft} does to a tree: of each op first what left and came, then the path it took. */
export interface DraftObserver {
  /** A container that left the tree at the end of the path, replaced or removed. */
  removed(value: Container): void;
  /** A container that came in at the end of the path. */
  inserted(value: Container): void;
  /** An object on the path of an op as it is now, once per op, innermost first. It is owned by the draft. */
  enter(node: JsonObject): void;
}

/**
 * Applies ops one by one to a copy-on-write draft of `base`; `root` is the tree so far.
 *
 * Each container is copied once per draft however many ops touch it (an object that loses a member after that is built
 * once more), and what no op touches stays the identical object. Neither the base nor the value of an op is ever
 * written to. An op that throws has changed nothing, and told nothing.
 *
 * Ops are trusted to have passed `isPatchOp`, and values `checkValue` (`parseEnvelope` and `applyPatch` see to that), and
 * so is the base; values must not be parts of this draft's own `root`.
 */
export class TreeDraft {
  #base: JsonValue;
  #root: JsonValue;
  readonly #observer: DraftObserver | undefined;
  /** Every copy until `#owned` takes over. */
  #copies: Copies = undefined;
  #owned: Set<Container> | undefined = undefined;
  /** Whether a place of the draft may hold what the base has elsewhere, or a value that came with an op. */
  #moved = false;

  constructor(base: JsonValue, observer?: DraftObserver) {
    this.#base = base;
    this.#root = base;
    this.#observer = observer;
  }

  /** The tree with every op applied so far. */
  get root(): JsonValue {
    return this.#root;
  }

  /** Starts over: from now on `base` and all that is in it is left as it is. */
  begin(base: JsonValue): void {
    this.#base = base;
    this.#root = base;
    this.#copies = this.#owned = undefined;
    this.#moved = false;
  }

  /**
   * Applies one op (RFC 6902 section 4; protocol.md section 3).
   *
   * Throws `path_not_found` when the path leads nowhere, `invalid_pointer` when it is no pointer or names a prototype,
   * `too_deep` for a path of more than 256 tokens.
   */
  apply(op: PatchOp): void {
    if (op.path !== "") {
      if (this.#moved && this.#owned === undefined) {
        this.#owned = new Set();
        for (let at = this.#copies; at !== undefined; at = at.next) this.#owned.add(at.copy);
      }
      this.#root = this.#step(op, this.#root, this.#base, 1, MAX_JSON_DEPTH);
    } else if (op.op !== "remove") {
      this.#tell(this.#root, op.value);
      this.begin(op.value);
    }
  }

  /** Takes the op on from `node`, to which it has come; `before` is what the base has there. Returns what takes its place. */
  #step(op: PatchOp, node: JsonValue | undefined, before: Before, start: number, levels: number): Container {
    const { path } = op;
    if (typeof node !== "object" || node === null) throw missing(path);
    if (levels === 0) throw new MusubiError("too_deep", "a path is too deep");
    if (Array.isArray(node)) {
      const array = node as JsonArray;
      const index = scanIndex(path, start, array.length);
      const end = scannedTo();
      if (end === path.length) return this.#changeArray(op, array, index, before);
      const below = array[index];
      const child = this.#step(op, below, array === before ? below : memberOf(before, index), end + 1, levels - 1);
      const own = this.#own(array, before) as MutableArray;
      own[index] = child;
      return own;
    }
    const object = node as JsonObject;
    const key = scanKey(path, start);
    const end = scannedTo();
    let own: MutableObject;
    if (end === path.length) {
      own = this.#changeObject(op, object, key, before);
    } else {
      const below = object[key];
      const child = this.#step(op, below, object === before ? below : memberOf(before, key), end + 1, levels - 1);
      own = this.#own(object, before) as MutableObject;
      own[key] = child;
    }
    this.#observer?.enter(own);
    return own;
  }

  #changeObject(op: PatchOp, object: JsonObject, key: string, before: Before): MutableObject {
    let former: JsonValue | undefined = object[key];
    // What an object inherits is a function, which no JSON value is.
    if (typeof former === "function") former = undefined;
    if (former === undefined && op.op !== "add") throw missing(op.path);
    if (op.op === "remove") {
      this.#tell(former, undefined);
      return this.#note(copyWithout(object, key));
    }
    this.#tell(former, op.value);
    const own = this.#own(object, before) as MutableObject;
    own[key] = op.value;
    return own;
  }

  #changeArray(op: PatchOp, array: JsonArray, index: number, before: Before): MutableArray {
    const isAdd = op.op === "add";
    if (index === -1 || index > array.length || (index === array.length && !isAdd)) throw missing(op.path);
    const value = op.op === "remove" ? undefined : op.value;
    this.#tell(isAdd ? undefined : array[index], value);
    if (op.op === "replace") {
      const own = this.#own(array, before) as MutableArray;
      own[index] = op.value;
      return own;
    }
    const isOwned = this.#owns(array, before);
    if (index < array.length) this.#moved = true;
    return isOwned ? spliceIn(array as MutableArray, index, value) : this.#note(copySpliced(array, index, value));
  }

  /** Whether the draft made `node`; `before` is what the base has at the same place. */
  #owns(node: Container, before: Before): boolean {
    return this.#owned === undefined ? node !== before : this.#owned.has(node);
  }

  /** `node` itself when the draft owns it, else a copy. */
  #own(node: Container, before: Before): Container {
    if (this.#owns(node, before)) return node;
    return this.#note(copyNode(node));
  }

  #note<Copy extends Container>(copy: Copy): Copy {
    if (this.#owned === undefined) this.#copies = { copy, next: this.#copies };
    else this.#owned.add(copy);
    return copy;
  }

  /** Reports what the end of a path lost and got; notes a container that the draft does not own. */
  #tell(former: JsonValue | undefined, value: JsonValue | undefined): void {
    if (typeof former === "object" && former !== null) this.#observer?.removed(former);
    if (typeof value === "object" && value !== null) {
      this.#moved = true;
      this.#observer?.inserted(value);
    }
  }
}

function missing(path: string): MusubiError {
  return new MusubiError("path_not_found", `${quote(path)} leads nowhere`, { details: { path } });
}

function memberOf(value: Before, slot: string | number): Before {
  return (value as Readonly<Record<string | number, JsonValue>> | null | undefined)?.[slot];
}
