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

/** The containers that an op led through, outermost first, as they are now: they are the draft's own. */
export interface Trail {
  readonly node: Container;
  readonly below: Trail | undefined;
  /** At the end of the path: what the op took away from there. */
  readonly removed: JsonValue | undefined;
}

/** Most drafts make a few copies; an array would begin with room for more of them. */
type Copies = { readonly copy: Container; readonly next: Copies } | undefined;

/**
 * Applies ops one by one to a copy-on-write draft of `base`; `root` is the tree so far.
 *
 * Each container is copied once per draft however many ops touch it (an object that loses a member after that is built
 * once more), and what no op touches stays the identical object. Neither the base nor the value of an op is ever
 * written to. An op that throws has changed nothing.
 *
 * Ops are trusted to have passed `isPatchOp`, and values `checkValue` (`parseEnvelope` and `applyPatch` see to that), and
 * so is the base; values must not be parts of this draft's own `root`.
 */
export class TreeDraft {
  #base: JsonValue;
  #root: JsonValue;
  /** Every copy, until `#owned` takes over. */
  #copies: Copies = undefined;
  #owned: Set<Container> | undefined = undefined;
  /** Whether a place of the draft may hold what the base has elsewhere, or a value that came with an op. */
  #moved = false;

  constructor(base: JsonValue) {
    this.#base = base;
    this.#root = base;
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
   * Applies one op (RFC 6902 section 4; protocol.md section 3). Returns what it led through; nothing for one that
   * replaced the root.
   *
   * Throws `path_not_found` when the path leads nowhere, `invalid_pointer` when it is no pointer or names a prototype,
   * `too_deep` for a path of more than 256 tokens.
   */
  apply(op: PatchOp): Trail | undefined {
    if (op.path === "") {
      if (op.op !== "remove") this.begin(op.value);
      return undefined;
    }
    if (this.#moved && this.#owned === undefined) {
      this.#owned = new Set();
      for (let at = this.#copies; at !== undefined; at = at.next) this.#owned.add(at.copy);
    }
    const trail = this.#step(op, this.#root, this.#base, 1, MAX_JSON_DEPTH);
    this.#root = trail.node;
    return trail;
  }

  /** Takes the op on from `node`, to which it has come; `before` is what the base has there. Returns what takes its place. */
  #step(op: PatchOp, node: JsonValue | undefined, before: Before, start: number, levels: number): Trail {
    const { path } = op;
    if (typeof node !== "object" || node === null) throw missing(path);
    if (levels === 0) throw new MusubiError("too_deep", "a path is too deep");
    if (Array.isArray(node)) {
      const array = node as JsonArray;
      const index = scanIndex(path, start, array.length);
      const end = scannedTo();
      if (end === path.length) return this.#changeArray(op, array, index, before);
      const child = array[index];
      const below = this.#step(op, child, array === before ? child : memberOf(before, index), end + 1, levels - 1);
      const own = this.#own(array, before) as MutableArray;
      own[index] = below.node;
      return trailOf(own, below);
    }
    const object = node as JsonObject;
    const key = scanKey(path, start);
    const end = scannedTo();
    if (end === path.length) return this.#changeObject(op, object, key, before);
    const child = object[key];
    const below = this.#step(op, child, object === before ? child : memberOf(before, key), end + 1, levels - 1);
    const own = this.#own(object, before) as MutableObject;
    own[key] = below.node;
    return trailOf(own, below);
  }

  #changeObject(op: PatchOp, object: JsonObject, key: string, before: Before): Trail {
    let removed: JsonValue | undefined = object[key];
    // What an object inherits is a function, which no JSON value is.
    if (typeof removed === "function") removed = undefined;
    if (removed === undefined && op.op !== "add") throw missing(op.path);
    if (op.op === "remove") return trailOf(this.#note(copyWithout(object, key)), undefined, removed);
    const node = this.#own(object, before) as MutableObject;
    node[key] = this.#bring(op.value);
    return trailOf(node, undefined, removed);
  }

  #changeArray(op: PatchOp, array: JsonArray, index: number, before: Before): Trail {
    const { length } = array;
    if (index === -1 || index > length || (index === length && op.op !== "add")) throw missing(op.path);
    const removed = op.op === "add" ? undefined : array[index];
    const value = op.op === "remove" ? undefined : this.#bring(op.value);
    let node: MutableArray;
    if (op.op === "replace") {
      node = this.#own(array, before) as MutableArray;
      node[index] = op.value;
    } else {
      node = this.#owns(array, before)
        ? spliceIn(array as MutableArray, index, value)
        : this.#note(copySpliced(array, index, value));
      if (index < length) this.#moved = true;
    }
    return trailOf(node, undefined, removed);
  }

  /** Whether the draft made `node`; `before` is what the base has at the same place. */
  #owns(node: Container, before: Before): boolean {
    return this.#owned === undefined ? node !== before : this.#owned.has(node);
  }

  /** `node` itself when the draft owns it, else a copy. */
  #own(node: Container, before: Before): Container {
    return this.#owns(node, before) ? node : this.#note(copyNode(node));
  }

  /** A value that an op brings, which the draft does not own. */
  #bring(value: JsonValue): JsonValue {
    if (typeof value === "object" && value !== null) this.#moved = true;
    return value;
  }

  #note<Copy extends Container>(copy: Copy): Copy {
    if (this.#owned === undefined) this.#copies = { copy, next: this.#copies };
    else this.#owned.add(copy);
    return copy;
  }
}

function trailOf(node: Container, below: Trail | undefined, removed?: JsonValue): Trail {
  return { node, below, removed };
}

function missing(path: string): MusubiError {
  return new MusubiError("path_not_found", `${quote(path)} leads nowhere`, { details: { path } });
}

function memberOf(value: Before, slot: string | number): Before {
  return (value as Readonly<Record<string | number, JsonValue>> | null | undefined)?.[slot];
}
