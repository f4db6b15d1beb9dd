const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** An id of 16 letters and digits, made so that two pages never make the same one. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => LETTERS[byte % LETTERS.length]).join("");
}
