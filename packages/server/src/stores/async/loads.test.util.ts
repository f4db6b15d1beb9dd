import { type Gate, gate, turns } from "../store-client.test.util.js";

/** The loads that stores of a test have begun, in order; emptied by the test. */
export const loads: (Gate<unknown> & { readonly signal: AbortSignal })[] = [];

/** Begins a load that {@link settle} ends. */
export const load = <T>(signal: AbortSignal): Promise<T> => {
  const started = gate<unknown>();
  loads.push({ ...started, signal });
  return started.promise as Promise<T>;
};

/** Ends the load of this number, and waits until that has been told. */
export async function settle(at: number, end: unknown): Promise<void> {
  if (end instanceof Error) loads[at]?.fail(end);
  else loads[at]?.open(end);
  await turns();
}

/** An async value as it travels (protocol.md section 4). */
export const asynchronous = (status: string, result: unknown = null, reason: unknown = null): object => ({
  __musubi_async__: true,
  status,
  result,
  reason,
});
