/** What the server does with the next mount that comes; all amounts are milliseconds. */
export type MountMood =
  /** The initial envelope and `changes` more go out before the reply; many of them overflow what a client keeps. */
  | { readonly kind: "early"; readonly changes: number; readonly down: "no" | "retry" | "for_good" }
  | { readonly kind: "slow"; readonly ms: number }
  | { readonly kind: "late_initial"; readonly ms: number }
  | { readonly kind: "refuse" }
  /** The root ends before its initial envelope. */
  | { readonly kind: "stillborn"; readonly retry: boolean }
  /** The pair is mounted already, from a former life of the client. */
  | { readonly kind: "phantom" }
  /** The same, and no unmount changes it while this join lasts. */
  | { readonly kind: "stuck" }
  | { readonly kind: "crash" };

/** What the server does with the next join of the connection channel. */
export type JoinMood = "refuse" | "moved" | "silent";

/** What a command's payload asks of the server. */
export type CommandMood = "ok" | "reply_first" | "fail" | "silent" | "lost" | "odd" | "late" | "down" | "crash";

/** Ways in which a server breaks a root that a client has to mend (protocol.md section 3). */
export type RootTrouble = "gap" | "wrong_op" | "wrong_shape" | "first_again" | "restart" | "down" | "down_for_good";
