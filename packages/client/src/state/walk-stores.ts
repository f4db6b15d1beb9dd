import {
  copyNode,
  type JsonArray,
  type JsonObject,
  type JsonValue,
  STORE_ID_KEY,
  type StoreNode,
} from "@musubi/protocol";

/** Keys and indices that lead from a container to something below it. */
export type Steps = readonly (string | number)[];

/** A store node and those around it. */
export interface Chain {
  readonly node: StoreNode;
  readonly around: Chain | null;
}

/**
 * Calls `visit` for every store node in `value`, outer ones first. What it returns is `around` for the stores right
 * below that one; `undefined` leaves out what is below. The members of `steps` beginning with `from` lead to the node
 * from the store around it, or from `value`; they change as the walk goes on.
 */
export function walkStores<Around>(
  value: JsonValue,
  around: Around,
  visit: (node: StoreNode, around: Around, steps: Steps, from: number) => Around | undefined,
  steps: (string | number)[] = [],
  from = 0,
): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const item = value[index];
      if (typeof item !== "object" || item === null) continue;
      steps.push(index);
      walkStores(item, around, visit, steps, from);
      steps.pop();
    }
    return;
  }
  const object = value as JsonObject;
  let below = around;
  if (isStoreLike(object)) {
    const inner = visit(object, around, steps, from);
    if (inner === undefined) return;
    below = inner;
    from = steps.length;
  }
  for (const key in object) {
    const member = object[key];
    if (typeof member !== "object" || member === null || key === STORE_ID_KEY) continue;
    steps.push(key);
    walkStores(member, below, visit, steps, from);
    steps.pop();
  }
}

/** Whether an object carries a store id. Cheaper than `isStoreNode`: what the id holds is not looked at. */
export function isStoreLike(value: object): value is StoreNode {
  return Array.isArray((value as Partial<StoreNode>)[STORE_ID_KEY]);
}

/** What `steps` lead to. */
export function follow(from: JsonValue, steps: Steps): JsonValue | undefined {
  let value: JsonValue | undefined = from;
  for (const step of steps) value = (value as JsonArray | null | undefined)?.[step as number];
  return value;
}

/**
 * All places below `node` that match, without looking into other stores than `node`. Where something was the last time,
 * `remembered`, is looked at first, so that as a rule this costs the depth.
 */
export function findBelow(
  node: StoreNode,
  remembered: readonly Steps[] | undefined,
  matches: (value: JsonValue | undefined) => boolean,
): readonly Steps[] {
  if (remembered?.every((steps) => matches(follow(node, steps)))) return remembered;
  const found: Steps[] = [];
  const steps: (string | number)[] = [];
  const look = (value: JsonValue | undefined): void => {
    if (typeof value !== "object" || value === null) return;
    if (value !== node && matches(value)) found.push(steps.slice());
    else if (Array.isArray(value)) value.forEach(lookAt);
    else if (value === node || !isStoreLike(value))
      Object.entries(value).forEach(([key, member]) => lookAt(member, key));
  };
  const lookAt = (value: JsonValue | undefined, step: string | number): void => {
    steps.push(step);
    look(value);
    steps.pop();
  };
  look(node);
  return found;
}

/**
 * A copy of `node` in which every container that `steps` lead through is new, the last one too: that is `last`, or a
 * copy of what was there.
 */
export function renewAlong<Node extends JsonValue>(node: Node, steps: Steps, last?: JsonValue, at = 0): Node {
  if (at === steps.length && last !== undefined) return last as Node;
  if (typeof node !== "object" || node === null) return node;
  const copy = copyNode(node) as Record<string | number, JsonValue>;
  const step = steps[at];
  if (step !== undefined) copy[step] = renewAlong(copy[step] as JsonValue, steps, last, at + 1);
  return copy as JsonValue as Node;
}
