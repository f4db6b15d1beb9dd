/** Names of a store's messages; any where it declares none. */
export type MessageName<Messages> = [keyof Messages] extends [never] ? string : keyof Messages & string;

/** What follows the name of a message: the message, which may be left out where it may be `undefined`. */
export type MessageArgs<Messages, Name> = Name extends keyof Messages
  ? undefined extends Messages[Name]
    ? [message?: Messages[Name]]
    : [message: Messages[Name]]
  : [message?: unknown];
