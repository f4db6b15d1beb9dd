/** The JSON text of a value with sorted keys: equal for equal values, however they were written. */
export function canonicalJson(value: unknown): string {
  return (
    JSON.stringify(value, (_key, member: unknown) => {
      if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
      const sorted = Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1));
      return Object.fromEntries(sorted);
    }) ?? "undefined"
  );
}
