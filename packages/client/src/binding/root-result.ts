import type { MusubiError } from "@musubi/protocol";

/** A root as a component sees it. `store` is there in one state only, and may be read in all. */
export type RootResult<Store> =
  /** Not asked for: `enabled` is `false`. */
  | { readonly status: "idle"; readonly store?: undefined }
  /** There has been no state yet. */
  | { readonly status: "loading"; readonly store?: undefined }
  /** The mount failed. */
  | {
      readonly status: "error";
      readonly error: MusubiError;
      /** Mounts it again; stable. Does nothing for one that has been mounted meanwhile. */
      readonly retry: () => void;
      /** With `keepPreviousData`: what was on screen before. */
      readonly previous?: Store;
      readonly store?: undefined;
    }
  | {
      readonly status: "ready";
      readonly store: Store;
      /** Whether newer state has been asked for: it is being mounted again, or its successor is being mounted. */
      readonly isFetching: boolean;
      /** Whether the state shown may be out of date: there is no connection, or the server's own is on its way. */
      readonly isStale: boolean;
      /** Why newer state could not be had; the last state stays readable. */
      readonly revalidationError: MusubiError | undefined;
    };

/** One object for all, so that nothing renders for it. */
export const IDLE: RootResult<never> = { status: "idle" };

/** One object for all, so that nothing renders for it. */
export const LOADING: RootResult<never> = { status: "loading" };
