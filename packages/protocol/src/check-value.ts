import type { JsonArray, JsonObject } from "./json.js";
import { MAX_JSON_DEPTH } from "./limits.js";
import { UPLOAD_KEY } from "./markers.js";
import { MusubiError } from "./musubi-error.js";

/**
 * Refuses a value from the wire that no tree may hold: nested deeper than {@link MAX_JSON_DEPTH} levels (`too_deep`),
 * or with an own `__proto__` member anywhere (`code`); protocol.md sections 3 and 4.
 *
 * `where` names the value in the message. Costs one visit of each member, and never more stack than the limit.
 */
export function checkValue(
  value: unknown,
  where: string | (() => string),
  code?: "malformed_envelope" | "malformed_message",
): void {
  const problem = valueProblem(value);
  if (problem !== undefined) throw refusedValue(problem, typeof where === "string" ? where : where(), code);
}

/** What is wrong with a value from the wire, if anything: see {@link checkValue}. */
export function valueProblem(value: unknown): string | undefined {
  return typeof value === "object" && value !== null
    ? problemOf(value as JsonObject | JsonArray, MAX_JSON_DEPTH)
    : undefined;
}

/** The error for a {@link valueProblem}. */
export function refusedValue(
  problem: string,
  where: string,
  code: "malformed_envelope" | "malformed_message" = "malformed_envelope",
): MusubiError {
  return new MusubiError(problem === PROTO ? code : "too_deep", `${where} ${problem}`);
}

const PROTO = 'has a member "__proto__"';

let hasUpload = false;

/** Whether any value that was checked since this was last asked holds an upload marker. */
export function tookUpload(): boolean {
  const had = hasUpload;
  hasUpload = false;
  return had;
}

// Recursion is safe here: `levels` ends it long before the stack does.
function problemOf(value: JsonObject | JsonArray, levels: number): string | undefined {
  if (levels === 0) return "is nested too deep";
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const element: unknown = value[at];
      if (typeof element === "object" && element !== null) {
        const problem = problemOf(element as JsonObject | JsonArray, levels - 1);
        if (problem !== undefined) return problem;
      }
    }
    return undefined;
  }
  const object = value as JsonObject;
  // for-in with a plain load is the loop engines make fastest, and it meets an own "__proto__" as a name like any other.
  for (const key in object) {
    if (key === "__proto__") return PROTO;
    if (key === UPLOAD_KEY) hasUpload = true;
    const member = object[key];
    if (typeof member === "object" && member !== null) {
      const problem = problemOf(member, levels - 1);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}
