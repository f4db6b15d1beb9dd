import { type Clock, MusubiError } from "@musubi/protocol";
import type { Unsubscribe } from "../observable.js";

/** Gives the token of one attempt; asked afresh for every connect and every join. */
export type TokenFunction = () => string | Promise<string>;

/** What comes of asking for a token: one of the two is called, once. */
export interface TokenOutcome {
  /** `undefined`: the app gave no token function. */
  readonly onToken: (token: string | undefined) => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Asks an app for tokens. A function that answers at once is heard at once; one that throws, rejects, gives no string
 * or takes longer than `timeoutMs` has failed.
 */
export class TokenSource {
  readonly #token: TokenFunction | undefined;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(token: TokenFunction | undefined, clock: Clock, timeoutMs: number) {
    this.#token = token;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Asks once. Returns what makes the outcome unheard. */
  read({ onToken, onFailure }: TokenOutcome): Unsubscribe {
    if (this.#token === undefined) {
      onToken(undefined);
      return () => {};
    }
    let isOver = false;
    let deadline: ReturnType<Clock["setTimeout"]> | null = null;
    const end = (): boolean => {
      if (isOver) return false;
      isOver = true;
      if (deadline !== null) this.#clock.clearTimeout(deadline);
      return true;
    };
    const fail = (error: unknown): void => {
      if (end()) onFailure(error);
    };
    const take = (token: unknown): void => {
      if (typeof token !== "string") {
        fail(new MusubiError("invalid_usage", "The token function has to give a string."));
      } else if (end()) {
        onToken(token);
      }
    };
    let given: unknown;
    try {
      given = this.#token();
    } catch (error) {
      fail(error);
      return end;
    }
    if (isThenable(given)) {
      deadline = this.#clock.setTimeout(
        () => fail(new MusubiError("timeout", `The token function gave nothing within ${this.#timeoutMs} ms.`)),
        this.#timeoutMs,
      );
      given.then(take, fail);
    } else {
      take(given);
    }
    return end;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
