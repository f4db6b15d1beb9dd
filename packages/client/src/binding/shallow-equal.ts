/**
 * Whether two values are the same, or arrays or objects of one kind whose members are the same (`Object.is`).
 *
 * Store proxies are equal only when identical: their members are live, and say nothing about which store it is.
 */
export function shallowEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isComparable(a) || !isComparable(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  // Without a list of their keys, which costs more than all of the rest: lists have thousands of members.
  if (Array.isArray(a)) return a.length === b["length"] && a.every((member, at) => Object.is(member, b[at]));
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key) || !Object.is(a[key], b[key])) return false;
  }
  return true;
}

/** Arrays and plain objects. Anything else, such as a Map or a Date, holds more than its keys show. */
function isComparable(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || isProxy(value)) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isProxy(value: object): boolean {
  return "dispatchCommand" in value;
}
