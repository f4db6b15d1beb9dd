import { type JsonObject, MusubiError, STORE_ID_KEY } from "@musubi/protocol";
import type { Cycle } from "./cycle.js";
import type { ErasedRenderContext } from "./erased.js";
import { Instance } from "./instance.js";
import type { ChildPlaceholder } from "./placeholders.js";
import type { AnyStore } from "./store-types.js";
import { RenderFailure } from "./render-failure.js";
import type { StoreHandle } from "./store-handle.js";
import { type Container, isPlaceholder, JsonWriter, type PlaceholderVisitor } from "./write-json.js";

/** Names that proxies of clients have members for (protocol.md section 4). */
const MEMBER_NAMES = ["dispatchCommand", "subscribe", "handleEvent", "snapshot"] as const;

/** What a render found at the places of its children. */
export interface RenderedChildren {
  /** Children that are new: they have no state yet. */
  readonly fresh: readonly Instance[];
  /** Children that were there and got other props. */
  readonly changed: readonly Instance[];
}

/**
 * Runs a store's `render`, turns what it returns into JSON with holes for the children, and matches those with the
 * children that are there. Throws {@link RenderFailure}.
 */
export function renderInstance(cycle: Cycle, instance: Instance): RenderedChildren {
  const visitor = new ChildVisitor(cycle, instance);
  const node: Container = { [STORE_ID_KEY]: [...instance.storeId] };
  const writer = new JsonWriter(instance.label, treeDepth(instance), visitor);
  try {
    writer.writeMembers(runRender(instance), node);
  } catch (cause) {
    throw new RenderFailure(instance, cause);
  } finally {
    instance.scope.counts.values += writer.visited;
  }
  visitor.finish();
  cycle.templates.set(instance, node);
  return visitor;
}

function runRender(instance: Instance): object {
  const { scope, definition, state } = instance;
  scope.counts.renders += 1;
  const context: ErasedRenderContext = {
    params: state.params,
    callback:
      (handler) =>
      (...args) =>
        runCallback(instance, handler, args),
  };
  let output: unknown;
  scope.rendering = true;
  try {
    output = definition.render(state.assigns, context);
  } finally {
    scope.rendering = false;
  }
  if (
    typeof output !== "object" ||
    output === null ||
    Array.isArray(output) ||
    isPlaceholder(output) ||
    output instanceof Promise
  ) {
    throw new MusubiError("invalid_usage", "render returns an object of fields");
  }
  for (const name of MEMBER_NAMES) {
    if (Object.hasOwn(output, name)) {
      throw new MusubiError("reserved_field", `.${name}: this name is reserved: rename the field`);
    }
  }
  return output;
}

/** Runs a parent's callback as part of the message that is being handled. */
function runCallback(
  instance: Instance,
  handler: (ctx: StoreHandle, ...args: unknown[]) => unknown,
  args: unknown[],
): unknown {
  const { cycle, rendering } = instance.scope;
  if (cycle === null || cycle.over || instance.state.detached) {
    throw new MusubiError("stale_context", `a callback of ${instance.label} was called outside of any message`);
  }
  if (rendering) throw new MusubiError("invalid_usage", `a callback of ${instance.label} was called by a render`);
  return handler(cycle.handle(instance), ...args);
}

/** How deep a store's node sits in the tree of its root. */
function treeDepth(instance: Instance): number {
  let depth = 0;
  for (let at: Instance | null = instance; at !== null; at = at.parent) depth += at.state.position.length;
  return depth;
}

/**
 * Matches the children that a render names with those that are there.
 *
 * Most renders name the children that there were, in their order: as long as one does, nothing has to be looked up.
 */
class ChildVisitor implements PlaceholderVisitor, RenderedChildren {
  readonly fresh: Instance[] = [];
  readonly changed: Instance[] = [];
  readonly #cycle: Cycle;
  readonly #parent: Instance;
  readonly #former: ReadonlyMap<string, Instance>;
  /** Goes through the former children while each is named in its turn. */
  readonly #inOrder: Iterator<Instance, undefined>;
  #count = 0;
  /** Made when one is not. */
  #next: Map<string, Instance> | undefined;

  constructor(cycle: Cycle, parent: Instance) {
    this.#cycle = cycle;
    this.#parent = parent;
    this.#former = parent.state.children;
    this.#inOrder = this.#former.values() as Iterator<Instance, undefined>;
  }

  hasStream(name: string): boolean {
    return this.#parent.streams.has(name);
  }

  hasUpload(name: string): boolean {
    return this.#parent.definition.uploads.has(name);
  }

  child({ store, id, props }: ChildPlaceholder, path: readonly (string | number)[]): JsonObject | null {
    const child = this.#match(store, id, props);
    this.#count += 1;
    if (!sameMembers(child.state.position, path)) this.#cycle.touch(child).position = [...path];
    return child.state.node;
  }

  /** Takes the new children over, and those that are named no more out of the tree. */
  finish(): void {
    const next = this.#next ?? (this.#count === this.#former.size ? undefined : this.#named());
    if (next === undefined) return;
    for (const [id, child] of this.#former) {
      if (next.get(id) !== child) detach(this.#cycle, child);
    }
    this.#cycle.touch(this.#parent).children = next;
  }

  #match(store: AnyStore, id: string, props: Readonly<Record<string, unknown>>): Instance {
    if (this.#next === undefined) {
      const former = this.#inOrder.next().value;
      // Each of them comes once, so this id has not been named before.
      if (former !== undefined && former.id === id && former.store === store) return this.#update(former, props);
      this.#next = this.#named();
    }
    if (typeof id !== "string" || id === "") {
      throw new MusubiError("invalid_usage", `a child ${store.module} needs a non-empty string as its id`);
    }
    if (this.#next.has(id)) {
      throw new MusubiError(
        "duplicate_child",
        `two children have the id "${id}": ids are unique among all children of one parent`,
      );
    }
    const known = this.#former.get(id);
    const child =
      known !== undefined && known.store === store
        ? this.#update(known, props)
        : new Instance(this.#parent.scope, store, this.#parent, id);
    if (child !== known) {
      child.state.props = props;
      this.fresh.push(child);
    }
    this.#next.set(id, child);
    return child;
  }

  /** The children named so far, as long as each was in its turn. */
  #named(): Map<string, Instance> {
    const named = new Map<string, Instance>();
    for (const child of this.#former.values()) {
      if (named.size === this.#count) break;
      named.set(child.id, child);
    }
    return named;
  }

  #update(child: Instance, props: Readonly<Record<string, unknown>>): Instance {
    const held = child.state.props;
    if (held === props) return child;
    const comparison = compareProps(held, props);
    if (comparison === "same") return child;
    this.#cycle.touch(child).props = props;
    if (comparison === "changed") this.changed.push(child);
    return child;
  }
}

/** `functions`: only functions differ, and those are called through the latest props anyway. */
function compareProps(
  held: Readonly<Record<string, unknown>>,
  next: Readonly<Record<string, unknown>>,
): "same" | "functions" | "changed" {
  let surplus = 0;
  for (const _key in held) surplus += 1;
  let result: "same" | "functions" = "same";
  for (const key in next) {
    surplus -= 1;
    const before = held[key];
    const after = next[key];
    if (Object.is(before, after)) {
      if (after === undefined && !Object.hasOwn(held, key)) return "changed";
    } else if (typeof before === "function" && typeof after === "function") {
      result = "functions";
    } else {
      return "changed";
    }
  }
  return surplus === 0 ? result : "changed";
}

function sameMembers(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** Takes a store and all below it out of the tree. */
function detach(cycle: Cycle, instance: Instance): void {
  cycle.touch(instance).detached = true;
  cycle.removed.add(instance);
  cycle.dirty.delete(instance);
  for (const child of instance.state.children.values()) detach(cycle, child);
}
