import type { JsonArray, JsonObject } from "./json.js";
import { MAX_JSON_DEPTH } from "./limits.js";
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
  code: "malformed_envelope" | "malformed_message" = "malformed_envelope",
): void {
  if (typeof value !== "object" || value === null) return;
  const problem = findProblem(value as JsonObject | JsonArray, MAX_JSON_DEPTH);
  if (problem === undefined) return;
  const name = typeof where === "string" ? where : where();
  if (problem === "depth") {
    throw new MusubiError(
      "too_deep",
      `${name} is nested deeper than ${MAX_JSON_DEPTH} levels: flatten it, or send its parts by reference`,
    );
  }
  throw new MusubiError(code, `${name} has a member called "__proto__": rename that field`);
}

type Problem = "depth" | "prototype" | undefined;

// Recursion is safe here: `levels` ends it long before the stack does.
function findProblem(value: JsonObject | JsonArray, levels: number): Problem {
  if (levels === 0) return "depth";
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const element: unknown = value[at];
      if (typeof element === "object" && element !== null) {
        const problem = findProblem(element as JsonObject | JsonArray, levels - 1);
        if (problem !== undefined) return problem;
      }
    }
    return undefined;
  }
  const object = value as JsonObject;
  // for-in with a plain load is the loop engines make fastest, and it meets an own "__proto__" as a name like any other.
  for (const key in object) {
    if (key === "__proto__") return "prototype";
    const member = object[key];
    if (typeof member === "object" && member !== null) {
      const problem = findProblem(member, levels - 1);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}
