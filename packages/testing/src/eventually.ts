/** Turns of the event loop that are given in any case: a machine that stood still has not let anything happen. */
const LEAST_TURNS = 100;

/**
 * Waits until `condition` holds, looking once per turn of the event loop, so that a test waits for an event and never
 * for a time. Rejects after `timeoutMs` (default 10 000) with what was waited for.
 */
export async function eventually(condition: () => boolean, what = "a condition", timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let turns = 0; !condition(); turns++) {
    if (turns >= LEAST_TURNS && performance.now() > deadline) {
      throw new Error(`${what} did not hold within ${timeoutMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
