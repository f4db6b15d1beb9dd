import {
  type Clock,
  isObject,
  MAX_HELD_PER_ROOT,
  MAX_HELD_ROOTS,
  MOUNT,
  PATCH,
  PHX_CLOSE,
  PHX_ERROR,
  PHX_JOIN,
  PHX_LEAVE,
  PHX_REPLY,
  parseEnvelope,
  ROOT_DOWN,
  UNMOUNT,
} from "@musubi/protocol";
import type { ReceivedMessage } from "../scripted-server.js";
import { ReferenceTree, type Touched } from "./reference-tree.js";

/** A root as its messages tell: where it is in its life, and what it has to show. */
export interface ReferenceRoot {
  readonly name: string;
  /** `broken`: what came does not fit, so that the client has to recover; `none`: not on the wire. */
  phase: "none" | "mounting" | "opening" | "live" | "broken" | "unmounting";
  rootId: string | undefined;
  version: number;
  tree: ReferenceTree;
  /** The holder asked for other params, or for nothing more, while a mount was on its way. */
  isOutdated: boolean;
}

/** A push that waits for its reply. */
interface Asked {
  readonly event: string;
  readonly root: ReferenceRoot | undefined;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly expiresAt: number;
  /** A mount of the same pair with the same params was pushed earlier in this join. */
  readonly isRepeat: boolean;
}

/**
 * A second reader of the same wire, written from protocol.md sections 2 and 3 with nothing in common with the client
 * but the codecs. What it makes of the frames is what the client has to show.
 */
export class Reference {
  readonly roots: Map<string, ReferenceRoot> = new Map();
  /** The join that counts; frames of others are dropped. */
  joinRef: string | null = null;
  isJoined = false;
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #asked = new Map<string, Asked>();
  readonly #held = new Map<string, ReceivedMessage[]>();
  readonly #mountedThisJoin = new Map<string, string>();
  #hasOverflowed = false;

  /** `waitMs`: how long the client waits for the answer to a mount or an unmount. */
  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /** The root of a name, as `Module:id`. */
  root(name: string): ReferenceRoot {
    let root = this.roots.get(name);
    if (root === undefined) {
      const tree = new ReferenceTree();
      root = { name, phase: "none", rootId: undefined, version: 0, tree, isOutdated: false };
      this.roots.set(name, root);
    }
    return root;
  }

  /** The client has nothing of a root any more. */
  forget(name: string): void {
    const root = this.root(name);
    root.tree = new ReferenceTree();
    root.version = 0;
  }

  /** The join is over: nothing that came before counts any more. */
  endJoin(): void {
    this.isJoined = false;
    this.#asked.clear();
    this.#held.clear();
    this.#hasOverflowed = false;
    this.#mountedThisJoin.clear();
    for (const root of this.roots.values()) this.#lose(root);
  }

  /** The client sends a frame. */
  send(message: ReceivedMessage): void {
    const { event, ref, joinRef } = message;
    const payload = isObject(message.payload) ? message.payload : {};
    if (event === PHX_JOIN || event === PHX_LEAVE) {
      this.endJoin();
      this.joinRef = joinRef;
    }
    const name = `${String(payload["module"])}:${String(payload["id"])}`;
    const root = event === MOUNT ? this.root(name) : this.#rootOf(payload["root_id"]);
    const params = JSON.stringify(payload["params"]);
    const isRepeat = this.#mountedThisJoin.get(name) === params;
    const expiresAt = this.#clock.now() + this.#waitMs;
    if (ref !== null) this.#asked.set(ref, { event, root, payload, expiresAt, isRepeat });
    if (root === undefined) return;
    if (event === MOUNT) {
      if (!this.#mountedThisJoin.has(name)) this.#mountedThisJoin.set(name, params);
      root.phase = "mounting";
      root.isOutdated = false;
    } else if (event === UNMOUNT) {
      root.phase = "unmounting";
    }
  }

  /** A frame reaches the client. Returns whom of each root it concerns. */
  receive(message: ReceivedMessage): Map<ReferenceRoot, Touched> {
    const touched = new Map<ReferenceRoot, Touched>();
    const { event, joinRef, ref } = message;
    if (joinRef !== null && joinRef !== this.joinRef) return touched;
    if (event === PHX_ERROR || event === PHX_CLOSE) this.endJoin();
    else if (event === PHX_REPLY && ref !== null) this.#reply(ref, message.payload, touched);
    else if (event === PATCH || event === ROOT_DOWN) this.#route(message, touched);
    return touched;
  }

  #reply(ref: string, payload: unknown, touched: Map<ReferenceRoot, Touched>): void {
    const asked = this.#asked.get(ref);
    this.#asked.delete(ref);
    const { status, response } = isObject(payload) ? payload : {};
    if (asked === undefined || (status !== "ok" && status !== "error")) return;
    const { event, root } = asked;
    const answer = isObject(response) ? response : {};
    if (event === PHX_JOIN) this.isJoined = status === "ok";
    if (root === undefined || (this.#isLate(asked) && event !== UNMOUNT)) return;
    if (event === UNMOUNT && root.phase === "unmounting") {
      this.#lose(root);
      this.#mountedThisJoin.delete(root.name);
    }
    if (event !== MOUNT || root.phase !== "mounting") return;
    if (status === "ok" || (answer["reason"] === "already_mounted" && asked.isRepeat)) {
      this.#open(root, asked, answer, touched);
    } else {
      this.#lose(root);
      this.#mountedThisJoin.delete(root.name);
    }
    if (this.#isMounting()) return;
    this.#held.clear();
    this.#hasOverflowed = false;
  }

  #open(
    root: ReferenceRoot,
    asked: Asked,
    answer: Readonly<Record<string, unknown>>,
    touched: Map<ReferenceRoot, Touched>,
  ): void {
    const rootId = String(answer["root_id"] ?? asked.payload["id"]);
    const holder = this.#rootOf(rootId);
    if (holder !== undefined && holder !== root) return this.#lose(root);
    const resume = asked.payload["resume"];
    root.rootId = rootId;
    root.phase = isObject(resume) && answer["resumed"] === true ? "live" : "opening";
    if (root.isOutdated) root.phase = "broken";
    const held = this.#held.get(rootId);
    this.#held.delete(rootId);
    if (this.#hasOverflowed && held === undefined) root.phase = "broken";
    if (held !== undefined && held.length > MAX_HELD_PER_ROOT) root.phase = "broken";
    for (const message of held ?? []) this.#route(message, touched);
  }

  #route(message: ReceivedMessage, touched: Map<ReferenceRoot, Touched>): void {
    const { payload } = message;
    const rootId = isObject(payload) ? payload["root_id"] : undefined;
    if (typeof rootId !== "string") return;
    const root = this.#rootOf(rootId);
    if (root === undefined) this.#hold(rootId, message);
    else if (root.phase === "unmounting" || root.phase === "broken") return;
    else if (message.event === ROOT_DOWN) this.#lose(root);
    else this.#envelope(root, payload, touched);
  }

  #hold(rootId: string, message: ReceivedMessage): void {
    if (!this.#isMounting()) return;
    const held = this.#held.get(rootId);
    if (held !== undefined) held.push(message);
    else if (this.#held.size < MAX_HELD_ROOTS) this.#held.set(rootId, [message]);
    else this.#hasOverflowed = true;
  }

  /** The table of protocol.md section 3. */
  #envelope(root: ReferenceRoot, payload: unknown, touched: Map<ReferenceRoot, Touched>): void {
    try {
      const envelope = parseEnvelope(payload);
      const { base_version: base, version, ops } = envelope;
      const isInitial = base === 0 && version === 1 && ops.length === 1 && ops[0]?.op === "replace" && !ops[0].path;
      const isNext = root.phase === "live" && base === root.version && version === base + 1;
      if (!isNext && !isInitial) {
        const isDuplicate = root.phase === "live" && version <= root.version && !(base === 0 && version === 1);
        if (!isDuplicate) root.phase = "broken";
        return;
      }
      const applied = root.tree.apply(envelope);
      if (!applied.tree.stores.has("")) throw new Error("the whole is no root store");
      root.tree = applied.tree;
      root.version = version;
      root.phase = "live";
      touched.set(root, union(touched.get(root), applied.touched));
    } catch {
      root.phase = "broken";
    }
  }

  #lose(root: ReferenceRoot): void {
    root.phase = "none";
    root.rootId = undefined;
  }

  #rootOf(rootId: unknown): ReferenceRoot | undefined {
    return Array.from(this.roots.values()).find((root) => root.rootId !== undefined && root.rootId === rootId);
  }

  #isMounting(): boolean {
    return Array.from(this.#asked.values()).some((asked) => asked.event === MOUNT && !this.#isLate(asked));
  }

  #isLate(asked: Asked): boolean {
    return this.#clock.now() >= asked.expiresAt;
  }
}

function union(a: Touched | undefined, b: Touched): Touched {
  if (a === undefined) return b;
  const must = new Set([...a.must, ...b.must]);
  return { must, may: new Set([...a.may, ...b.may]), envelopes: a.envelopes + b.envelopes };
}
