/** Of the range below, those that ask for another attempt: timeout, too early, too many (as the HTTP statuses). */
const RETRYABLE = [4408, 4425, 4429];

/**
 * Whether a server that closes with this code means "do not come back": 4400 to 4499, which mirror HTTP's client
 * errors (4401 unauthorized, 4403 forbidden, 4409 conflict, 4426 upgrade ...), without 4408, 4425 and 4429. All
 * others, 1000 included, are reconnected: servers and proxies close with them when they restart or tidy up.
 */
export function isFinalCloseCode(code: number): boolean {
  return code >= 4400 && code <= 4499 && !RETRYABLE.includes(code);
}
