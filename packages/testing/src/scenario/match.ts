/**
 * Where `actual` does not have what `pattern` asks for, as a sentence; `undefined` when it has. Objects may have more
 * members than their pattern; arrays are compared element by element, and all else by value.
 */
export function mismatch(actual: unknown, pattern: unknown, at = "it"): string | undefined {
  if (Object.is(actual, pattern)) return undefined;
  if (!isObjectLike(pattern) || !isObjectLike(actual)) return `${at} is ${show(actual)}, not ${show(pattern)}`;
  if (Array.isArray(pattern)) {
    if (!Array.isArray(actual)) return `${at} is ${show(actual)}, not ${show(pattern)}`;
    if (actual.length !== pattern.length) {
      return `${at} has ${actual.length} elements, not ${pattern.length}: ${show(actual)}, not ${show(pattern)}`;
    }
  }
  for (const key of Object.keys(pattern)) {
    const found = mismatch(
      (actual as Record<string, unknown>)[key],
      (pattern as Record<string, unknown>)[key],
      `${at}.${key}`,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/** As {@link mismatch}, with nothing beside what `expected` names. */
export function difference(actual: unknown, expected: unknown): string | undefined {
  return mismatch(actual, expected) ?? (mismatch(expected, actual) && `it is ${show(actual)}, not ${show(expected)}`);
}

/** A value for a message: as JSON, cut after 300 characters. */
export function show(value: unknown): string {
  let text: string;
  try {
    text = value instanceof Error ? describeError(value) : (JSON.stringify(value) ?? String(value));
  } catch {
    text = String(value);
  }
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function describeError(error: Error): string {
  const { kind, fate, code } = error as { kind?: string; fate?: string; code?: string };
  const facts = [kind, fate, code].filter((fact) => fact !== undefined).join(", ");
  return `${error.name}${facts === "" ? "" : ` (${facts})`}: ${error.message}`;
}

function isObjectLike(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
