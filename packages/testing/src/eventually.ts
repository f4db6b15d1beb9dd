/**
 * Waits until `condition` holds, looking once per turn of the event loop, so that a test waits for an event and never
 * for a time. Rejects after `timeoutMs` (default 2 000) with what was waited for.
 */
export async function eventually(condition: () => boolean, what = "a condition", timeoutMs = 2_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not hold within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
