import { isStreamMarker, type JsonValue, STREAM_KEY, type StoreNode } from "@musubi/protocol";
import type { StoreRecord } from "./store-record.js";
import { isStoreLike } from "./walk-stores.js";

/** Keys and indices that lead from a container to something below it. */
export type Steps = readonly (string | number)[];

/** Where a recorded store is in the tree. Remembered per store and checked before use, so it costs its depth. */
export function pathOf(record: StoreRecord): Steps {
  const { parent, node } = record;
  if (parent?.node === undefined || node === undefined) return [];
  const remembered = record.steps;
  if (remembered === undefined || follow(parent.node, remembered) !== node) {
    record.steps = findBelow(parent.node, (value) => value === node)[0] ?? [];
  }
  return [...pathOf(parent), ...(record.steps as Steps)];
}

/** Where a store places one of its streams, from its own node on; empty when it places it nowhere. */
export function markersOf(record: StoreRecord, name: string): readonly Steps[] {
  const node = record.node as StoreNode;
  record.markers ??= new Map();
  let found = record.markers.get(name);
  if (found === undefined || !found.every((steps) => isMarkerOf(follow(node, steps), name))) {
    found = findBelow(node, (value) => isMarkerOf(value, name));
    record.markers.set(name, found);
  }
  return found;
}

function isMarkerOf(value: JsonValue | undefined, name: string): boolean {
  return isStreamMarker(value) && value[STREAM_KEY] === name;
}

function follow(from: JsonValue, steps: Steps): JsonValue | undefined {
  let value: JsonValue | undefined = from;
  for (const step of steps) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string | number, JsonValue>)[step];
  }
  return value;
}

/** All places below `node` that match, without looking into other stores than `node`. */
function findBelow(node: StoreNode, matches: (value: JsonValue) => boolean): Steps[] {
  const found: Steps[] = [];
  const steps: (string | number)[] = [];
  const look = (value: JsonValue, step: string | number): void => {
    if (typeof value !== "object" || value === null) return;
    steps.push(step);
    if (matches(value)) found.push(steps.slice());
    else if (Array.isArray(value)) lookThrough(value);
    else if (!isStoreLike(value)) lookInto(value);
    steps.pop();
  };
  const lookThrough = (values: readonly JsonValue[]): void => {
    for (let index = 0; index < values.length; index++) look(values[index] as JsonValue, index);
  };
  const lookInto = (value: object): void => {
    for (const key in value) look((value as Record<string, JsonValue>)[key] as JsonValue, key);
  };
  lookInto(node);
  return found;
}
