import { MAX_JSON_DEPTH } from "@musubi/protocol";

/** Whether a parsed JSON value is nested deeper than 256 levels, which is more than any code should recurse into. */
export function isTooDeep(value: unknown, levels: number = MAX_JSON_DEPTH): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((element) => isTooDeep(element, levels - 1));
  for (const key in value) {
    if (isTooDeep((value as Record<string, unknown>)[key], levels - 1)) return true;
  }
  return false;
}
