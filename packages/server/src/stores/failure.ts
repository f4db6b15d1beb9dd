import { isObject, type JsonObject, MusubiError } from "@musubi/protocol";
import { Rejection } from "./rejection.js";
import { RenderFailure } from "./render-failure.js";
import { toJson } from "./write-json.js";

/** What becomes of a message that failed. */
export interface Failure {
  /** The error reply: codes and the app's own reasons, never internals. */
  readonly response: JsonObject;
  /** How to report it; `null` for what the app did on purpose. */
  readonly level: "error" | "warn" | null;
  /** The root cannot go on. */
  readonly fatal: boolean;
}

const INTERNAL: Failure = { response: { reason: "internal", code: "internal" }, level: "error", fatal: false };

/**
 * What becomes of a message that ended in `cause`. `cancelled` is what the runtime itself ended it with, if it did:
 * an error of that kind thrown by the app is the app's own failure.
 */
export function failureOf(cause: unknown, cancelled: Error | null): Failure {
  if (Rejection.is(cause)) return rejected(cause);
  if (cause instanceof RenderFailure) return coded("render_failed", "error", true);
  if (cause === cancelled && cause instanceof MusubiError) {
    return coded(cause.code, cause.code === "timeout" ? "warn" : null, false);
  }
  return INTERNAL;
}

/** An error reply that carries a code of ours. */
export function refusal(code: string, more: JsonObject = {}): JsonObject {
  return { ...more, reason: code, code };
}

function coded(code: string, level: Failure["level"], fatal: boolean): Failure {
  return { response: refusal(code), level, fatal };
}

function rejected(rejection: Rejection): Failure {
  try {
    const details = toJson(rejection.details, "the details of a rejection");
    return { response: { ...(isObject(details) ? details : {}), reason: rejection.reason }, level: null, fatal: false };
  } catch {
    // The reason alone is certain to be JSON.
    return { response: { reason: rejection.reason }, level: "warn", fatal: false };
  }
}
