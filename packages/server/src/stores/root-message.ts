import type { JsonObject, JsonValue, StoreId } from "@musubi/protocol";
import type { AsyncRun } from "./async/async-run.js";
import type { UploadWork } from "../uploads/root-uploads.js";
import type { Assigns } from "./erased.js";
import type { Instance } from "./instance.js";
import type { Resource } from "./resource.js";

/** Answers a client's message. */
export type Answer = (status: "ok" | "error", response: JsonObject) => void;

/** What can be in the mailbox of a root. `answer` is `null` once given, or where nobody asks. */
export type RootMessage =
  | { readonly kind: "mount"; answer: Answer | null }
  | {
      readonly kind: "command";
      readonly storeId: StoreId;
      readonly name: string;
      readonly payload: JsonValue;
      readonly commandId: number | null;
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
    }
  | { readonly kind: "async"; readonly instance: Instance; readonly run: AsyncRun; answer: null }
  | { readonly kind: "update"; readonly instance: Instance; readonly assigns: Assigns; answer: null }
  /** Work on the uploads of the root; `name` says which. */
  | { readonly kind: "upload"; readonly name: string; readonly work: UploadWork; answer: Answer | null };

/** A message that comes from the server itself, for a store that is there. */
export type StoreMessage = RootMessage & { readonly kind: "info" | "async" | "update" };

/** Whether a client waits for what becomes of a message. */
export function isAsked({ kind }: RootMessage): boolean {
  return kind === "mount" || kind === "command" || kind === "upload";
}

/** How logs name a message. */
export function describeMessage(message: RootMessage): string {
  switch (message.kind) {
    case "mount":
      return "a mount";
    case "update":
      return `an update of ${message.instance.label}`;
    case "async":
      return `taking ${message.run.work.label}`;
    default:
      return `the ${message.kind} "${message.name}"`;
  }
}

/** What a message is about, for reports. */
export function addressOf(message: RootMessage): {
  readonly kind: RootMessage["kind"];
  readonly name: string | null;
  readonly storeId: StoreId;
} {
  const { kind } = message;
  switch (message.kind) {
    case "mount":
      return { kind, name: null, storeId: [] };
    case "command":
      return { kind, name: message.name, storeId: message.storeId };
    case "upload":
      return { kind, name: message.name, storeId: [] };
    case "info":
      return { kind, name: message.name, storeId: message.instance.storeId };
    case "update":
      return { kind, name: null, storeId: message.instance.storeId };
    case "async":
      return { kind, name: message.run.work.name, storeId: message.instance.storeId };
    default:
      return message satisfies never;
  }
}
