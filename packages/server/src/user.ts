/**
 * Augment this to say who the users of this server are:
 * `declare module "@musubi/server" { interface Register { user: MyUser } }`.
 *
 * From there on the `connect` hook has to return such a user, and every store, channel and hook gets it typed.
 */
export interface Register {}

/** What the connect hook returned for this client; `unknown` until {@link Register} says more. */
export type User = Register extends { readonly user: infer U } ? U : unknown;

/** A member `user`, which may be left out only where a user may be `undefined`. */
export type WithUser = undefined extends User ? { readonly user?: User } : { readonly user: User };
