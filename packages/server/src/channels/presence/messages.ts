import { isObject } from "@musubi/protocol";

/** What a presence says of itself, with what names it: another `phx_ref` for each of its versions. */
export interface PresenceMeta {
  readonly phx_ref: string;
  /** The `phx_ref` before the last `update`. */
  readonly phx_ref_prev?: string;
  readonly [field: string]: unknown;
}

/** One presence of a key on a topic. */
export interface Entry {
  /** The step of its replica that made it: what names it there. */
  readonly step: number;
  readonly topic: string;
  readonly key: string;
  readonly meta: PresenceMeta;
}

/**
 * Some or all of what one replica has done. It knows all steps up to `upTo` and those in `steps`; an entry whose step
 * it knows and does not hold is gone.
 */
export interface Part {
  readonly entries: readonly Entry[];
  readonly upTo: number;
  readonly steps: readonly number[];
}

/** What the nodes of one presence tell each other; plain data, so that an adapter can carry it. */
export type NodeMessage =
  | { readonly kind: "part"; readonly from: string; readonly part: Part }
  /** `from` lives, and `last` was its last step. */
  | { readonly kind: "beat"; readonly from: string; readonly last: number }
  /** `from` wants all that the others have done. */
  | { readonly kind: "ask"; readonly from: string }
  /** `from` will not be heard any more. */
  | { readonly kind: "bye"; readonly from: string };

/** Whether what an adapter brought is a message of a node. */
export function isNodeMessage(value: unknown): value is NodeMessage {
  if (!isObject(value) || typeof value["from"] !== "string") return false;
  const { kind } = value;
  return kind === "part"
    ? isPart(value["part"])
    : kind === "beat"
      ? isStep(value["last"])
      : kind === "ask" || kind === "bye";
}

function isPart(value: unknown): boolean {
  if (!isObject(value) || !isStep(value["upTo"])) return false;
  const { entries, steps } = value;
  return Array.isArray(steps) && steps.every(isStep) && Array.isArray(entries) && entries.every(isEntry);
}

function isEntry(value: unknown): boolean {
  if (!isObject(value) || !isStep(value["step"]) || !isObject(value["meta"])) return false;
  return [value["topic"], value["key"], value["meta"]["phx_ref"]].every((each) => typeof each === "string");
}

function isStep(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
