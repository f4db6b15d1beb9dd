/**
 * The longest strictly rising subsequence of `values`, as the positions it occupies, in order. Negative values take no
 * part. Patience sorting: n log n comparisons.
 */
export function longestRise(values: readonly number[]): number[] {
  // tails[n]: the position of the lowest value that ends a rise of n + 1; previous[p]: what came before p in its rise.
  const tails: number[] = [];
  const previous: number[] = [];
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if (value < 0) continue;
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((values[tails[middle] as number] as number) < value) low = middle + 1;
      else high = middle;
    }
    previous[at] = low === 0 ? -1 : (tails[low - 1] as number);
    tails[low] = at;
  }
  const rise = new Array<number>(tails.length);
  let at = tails[tails.length - 1] ?? -1;
  for (let place = tails.length - 1; place >= 0; place--) {
    rise[place] = at;
    at = previous[at] as number;
  }
  return rise;
}
