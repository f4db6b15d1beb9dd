import type { JsonObject, JsonValue } from "@musubi/protocol";
import type { Instance } from "./instance.js";
import type { Resource } from "./resource.js";

/** Answers a client's message. */
export type Answer = (status: "ok" | "error", response: JsonObject) => void;

/** What can be in the mailbox of a root. `answer` is `null` once given, or where nobody asks. */
export type RootMessage =
  | { readonly kind: "mount"; answer: Answer | null }
  | {
      readonly kind: "command";
      /** The store's id as a key. */
      readonly storeKey: string;
      readonly name: string;
      readonly payload: JsonValue;
      answer: Answer | null;
    }
  | {
      readonly kind: "info";
      readonly instance: Instance;
      readonly name: string;
      readonly message: unknown;
      /** What sent it, if that can be undone while the message waits. */
      readonly resource: Resource | null;
      answer: null;
    };

/** How logs name a message. */
export function describeMessage(message: RootMessage): string {
  return message.kind === "mount" ? "a mount" : `the ${message.kind} "${message.name}"`;
}
