/** A stream of integers that its seed determines (mulberry32), so that every run measures the same work. */
export type Below = (bound: number) => number;

/** `below(bound)` gives an integer from 0 to `bound - 1`. */
export function createRandom(seed: number): Below {
  let state = seed | 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * bound);
  };
}
