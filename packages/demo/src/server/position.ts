/** How far apart new neighbours are put. */
export const GAP = 1024;

/**
 * A position strictly between two others; `undefined` stands for no neighbour on that side.
 *
 * Returns `null` when no number is left between them: the list has to be numbered anew (halving one gap takes some
 * fifty times before that).
 */
export function positionBetween(before: number | undefined, after: number | undefined): number | null {
  if (before === undefined) return after === undefined ? GAP : after - GAP;
  if (after === undefined) return before + GAP;
  const middle = before + (after - before) / 2;
  return middle > before && middle < after ? middle : null;
}
