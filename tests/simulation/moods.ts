/** What the server does with the next mount that comes; all amounts are milliseconds. */
export type MountMood =
  /** The initial envelope and `changes` more go out before the reply; many of them overflow what a client keeps. */
  | { readonly kind: "early"; readonly changes: number; readonly down: boolean }
  | { readonly kind: "slow"; readonly ms: number }
  | { readonly kind: "late_initial"; readonly ms: number }
  | { readonly kind: "refuse" }
  /** The pair is mounted already, from a former life of the client. */
  | { readonly kind: "phantom" }
  | { readonly kind: "crash" };

/** What a command's payload asks of the server. */
export type CommandMood = "ok" | "reply_first" | "fail" | "silent" | "lost" | "odd" | "late" | "down" | "crash";

/** Ways in which a server breaks a root that a client has to mend (protocol.md section 3). */
export type RootTrouble = "gap" | "wrong_op" | "wrong_shape" | "first_again" | "restart" | "down" | "down_for_good";
