import { diff, escapeToken, type JsonValue, type PatchOp } from "@musubi/protocol";
import type { Cycle } from "./cycle.js";
import type { Instance } from "./instance.js";
import type { Container } from "./write-json.js";

/**
 * Puts the rendered parts of a cycle together: each store that changed goes into what its parent rendered, or into a
 * copy of the path to it, up to the root. Nodes that were sent before are never changed, and subtrees of stores that did
 * not render stay the identical objects.
 */
export function assemble(cycle: Cycle): void {
  const levels: Set<Instance>[] = [];
  for (const instance of cycle.templates.keys()) {
    if (!instance.state.detached) levelOf(levels, instance.depth).add(instance);
  }
  // Containers that this cycle made, so that each is copied once however many children below it changed.
  const owned = new Set<object>();
  for (let depth = levels.length - 1; depth >= 0; depth--) {
    for (const instance of levels[depth] ?? []) {
      const rendered = cycle.templates.get(instance);
      if (rendered !== undefined) cycle.touch(instance).node = rendered;
      const { parent } = instance;
      if (parent === null) continue;
      const around = cycle.templates.get(parent);
      if (around !== undefined) {
        put(instance, around);
      } else {
        graft(cycle, parent, instance, owned);
        levelOf(levels, parent.depth).add(parent);
      }
    }
  }
}

/** What turns the tree before the cycle into the assembled one. Costs what the stores that rendered cost. */
export function changedOps(cycle: Cycle): PatchOp[] {
  const ops: PatchOp[] = [];
  for (const instance of cycle.templates.keys()) {
    const before = cycle.before(instance)?.node;
    const { node, detached } = instance.state;
    // What a parent rendered covers its children, new ones above all.
    if (before == null || node === null || detached || hasRenderedAncestor(cycle, instance)) continue;
    const found = diff(before, node);
    if (found.length === 0) continue;
    const base = pointerTo(instance);
    for (const op of found) ops.push(base === "" ? op : { ...op, path: base + op.path });
  }
  return ops;
}

function levelOf(levels: Set<Instance>[], depth: number): Set<Instance> {
  for (let at = levels.length; at <= depth; at++) levels.push(new Set());
  // Made just above.
  return levels[depth] as Set<Instance>;
}

/** Puts a child's new node into what its parent has rendered. */
function put(child: Instance, rendered: Container): void {
  const { position, node } = child.state;
  let holder = rendered;
  // A position only ever leads through containers.
  for (let at = 0; at < position.length - 1; at++) holder = holder[position[at] as string] as unknown as Container;
  holder[position[position.length - 1] as string] = node;
}

/** Puts a child's new node into a parent that did not render. */
function graft(cycle: Cycle, parent: Instance, child: Instance, owned: Set<object>): void {
  const state = cycle.touch(parent);
  const { position, node: leaf } = child.state;
  const root = own(state.node, owned);
  state.node = root;
  let holder = root;
  for (let at = 0; at < position.length - 1; at++) {
    const key = position[at] as string | number;
    const next = own(holder[key], owned);
    holder[key] = next;
    holder = next;
  }
  holder[position[position.length - 1] as string | number] = leaf;
}

function own(value: JsonValue | undefined, owned: Set<object>): Container {
  // A position only ever leads through containers.
  const container = value as unknown as Container;
  if (owned.has(container)) return container;
  const copy = Array.isArray(container) ? (container.slice() as unknown as Container) : { ...container };
  owned.add(copy);
  return copy;
}

function hasRenderedAncestor(cycle: Cycle, instance: Instance): boolean {
  for (let at = instance.parent; at !== null; at = at.parent) if (cycle.templates.has(at)) return true;
  return false;
}

function pointerTo(instance: Instance): string {
  let pointer = "";
  for (let at: Instance | null = instance; at !== null; at = at.parent) {
    let step = "";
    for (const key of at.state.position) step += `/${typeof key === "number" ? key : escapeToken(key)}`;
    pointer = step + pointer;
  }
  return pointer;
}
