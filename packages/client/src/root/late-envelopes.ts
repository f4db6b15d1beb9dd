import { loadUploads } from "../uploads/upload-code.js";

/** Envelopes of a root, in order, that wait until the code for its uploads is loaded. */
export class LateEnvelopes {
  #held: unknown[] | undefined;

  /** Keeps an envelope that came while others wait. Returns whether it did. */
  take(payload: unknown): boolean {
    return this.#held !== undefined && this.#held.push(payload) > 0;
  }

  /** Waits with an envelope. Unless it was dropped before, `end` gets what came meanwhile, or nothing when that failed. */
  wait(payload: unknown, end: (held: readonly unknown[] | undefined, cause?: unknown) => void): () => void {
    const held = [payload];
    this.#held = held;
    const settle = (isLoaded: boolean, cause?: unknown): void => {
      if (this.#held !== held) return;
      this.#held = undefined;
      end(isLoaded ? held : undefined, cause);
    };
    loadUploads().then(
      () => settle(true),
      (cause: unknown) => settle(false, cause),
    );
    return () => settle(false);
  }

  /** The root has left the wire. */
  drop(): void {
    this.#held = undefined;
  }
}
