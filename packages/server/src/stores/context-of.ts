import type { None } from "./none.js";
import type { Store, StoreContext } from "./store-types.js";

/** What a function needs of a store's context; what is left out is of no use to it. */
export interface ContextParts {
  readonly assigns?: object;
  readonly params?: unknown;
  /** Items by the name of their stream. */
  readonly streams?: object;
  /** Payloads by the name of their event. */
  readonly events?: object;
  /** The definition's own `uploads`, as a type. */
  readonly uploads?: object;
  /** Messages by name. */
  readonly messages?: object;
}

/**
 * The `ctx` of a store's commands and infos, for functions outside its definition.
 *
 * `ContextOf<typeof Ticket>` is all of it. A function that the definition itself calls names what it needs instead,
 * `ContextOf<{ assigns: TicketAssigns }>`: the type of `Ticket` cannot depend on a function that depends on it.
 */
export type ContextOf<T> =
  T extends Store<string, unknown, never, infer Context>
    ? Context
    : StoreContext<
        Part<T, "assigns", object>,
        Part<T, "streams", None>,
        Part<T, "events", None>,
        Part<T, "params", unknown>,
        Part<T, "uploads", None>,
        Part<T, "messages", None>
      >;

type Part<T, Name extends keyof ContextParts, Default> = Name extends keyof T ? T[Name] : Default;

/** The assigns of a store: what its `mount` returns. */
export type AssignsOf<S> =
  ContextOf<S> extends { readonly assigns: infer Assigns } ? Assigns : Readonly<Record<string, unknown>>;

/** What `info` of a store takes, by name: as its `messages` declare it, else of unknown types. */
export type MessagesOf<S> =
  S extends Store<
    string,
    unknown,
    never,
    StoreContext<infer _A, infer _S, infer _E, infer _P, infer _U, infer Messages>,
    infer Info
  >
    ? [keyof Messages] extends [never]
      ? Info
      : Messages
    : None;
