import type { CacheOptions } from "../cache/cache-options.js";
import type { DehydratedRoot } from "./dehydrate.js";

/** A root as a component asks for it. */
export interface RootWish {
  readonly module: string;
  readonly id: string;
  /** The canonical JSON of its params. */
  readonly paramsKey: string;
  /** What is known of it from the server's rendering. */
  readonly dehydrated: DehydratedRoot | undefined;
  /** How it is cached; the first holder's counts. */
  readonly cache: CacheOptions | undefined;
  /** Whether it stays mounted after the component has gone, until the connection is closed. */
  readonly isKept: boolean;
}
