/**
 * A shortest part of `items` found that still `fails`, in order: takes out ever smaller pieces for as long as that
 * works.
 */
export async function shrink<T>(
  items: readonly T[],
  fails: (candidate: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let shortest = items;
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < shortest.length; ) {
      const candidate = [...shortest.slice(0, at), ...shortest.slice(at + size)];
      if (await fails(candidate)) shortest = candidate;
      else at += size;
    }
  }
  return shortest;
}
