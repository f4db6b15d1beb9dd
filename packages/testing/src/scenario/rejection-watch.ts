/** The part of Node's `process` that tells of rejections nobody handled. */
interface ProcessLike {
  on(event: "unhandledRejection", listener: (reason: unknown) => void): unknown;
  off(event: "unhandledRejection", listener: (reason: unknown) => void): unknown;
}

/** Hears of rejections that nobody handles, in Node; elsewhere the test runner has to. */
export class RejectionWatch {
  readonly #process: ProcessLike | undefined;
  readonly #listener: (reason: unknown) => void;

  constructor(listener: (reason: unknown) => void) {
    this.#listener = listener;
    this.#process = (globalThis as { readonly process?: ProcessLike }).process;
    this.#process?.on?.("unhandledRejection", listener);
  }

  stop(): void {
    this.#process?.off?.("unhandledRejection", this.#listener);
  }
}
