import { canonicalJson } from "../canonical-json.js";
import type { RootIdentity } from "../connection/root-identity.js";
import type { Logger } from "../logger.js";

declare const process: { readonly env: { readonly NODE_ENV?: string } };

/**
 * Warns, in development, of a hold with other params than those that a root is mounted with. (What `isDevelopment` says,
 * written out: only so do bundlers leave out what is imported for this.)
 */
export function warnOfOtherParams({ module, id }: RootIdentity, params: object, first: object, logger: Logger): void {
  if (typeof process === "undefined" ? false : process.env.NODE_ENV !== "production") {
    if (canonicalJson(params) === canonicalJson(first)) return;
    logger.warn(
      `Root ${module} "${id}" is mounted already with other params; the first are kept. Use remount(params), or another id.`,
    );
  }
}
