/**
 * The codes of `ERROR_CODES` that are `retryable`, on their own so that pages need not load what all codes mean.
 * Space-separated: one literal costs less than an array of them.
 */
export const RETRYABLE_CODES: string =
  "malformed_envelope path_not_found disconnected mount_timeout not_loaded command_timeout interrupted aborted offline queue_full chunk_timeout external_failed overloaded timeout render_failed";

/** Whether the same call can succeed when tried again. Unknown codes are an app's own, and cannot. */
export function isRetryable(code: string): boolean {
  return RETRYABLE_CODES.split(" ").includes(code);
}
