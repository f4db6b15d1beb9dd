import type { Clock } from "@musubi/protocol";
import type { Unsubscribe } from "../observable.js";
import { after } from "./after.js";

/** Gives the token of one attempt; asked afresh for every connect and every join. */
export type TokenFunction = () => string | Promise<string>;

/**
 * Asks an app for a token, once: one of the two is called, with `undefined` when the app gave no token function.
 * Returns what makes the outcome unheard.
 */
export type ReadToken = (
  onToken: (token: string | undefined) => void,
  onFailure: (error: unknown) => void,
) => Unsubscribe;

/**
 * What asks for tokens. A function that answers at once is heard at once; one that throws, rejects, gives no string or
 * takes longer than `timeoutMs` has failed. Its failures are for the log.
 */
export function createTokenSource(token: TokenFunction | undefined, clock: Clock, timeoutMs: number): ReadToken {
  return (onToken, onFailure) => {
    let isOver = false;
    let stop: Unsubscribe | undefined;
    const end = (tell?: () => void): void => {
      if (isOver) return;
      isOver = true;
      stop?.();
      tell?.();
    };
    const fail = (error: unknown): void => end(() => onFailure(error));
    const take = (given: unknown): void => {
      if (typeof given === "string" || token === undefined) end(() => onToken(given as string | undefined));
      else fail(new Error("The token is no string."));
    };
    try {
      const given = token?.();
      if (typeof (given as Partial<Promise<string>> | undefined)?.then === "function") {
        stop = after(clock, timeoutMs, () => fail(new Error(`No token within ${timeoutMs} ms.`)));
        (given as Promise<string>).then(take, fail);
      } else take(given);
    } catch (error) {
      fail(error);
    }
    return end;
  };
}
