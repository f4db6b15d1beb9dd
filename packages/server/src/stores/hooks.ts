import type { JsonObject, StoreId } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import type { User } from "../user.js";

/** What a hook returns to answer a command in its handler's place. Made by {@link halt}. */
export class Halt {
  readonly reply: object;

  constructor(reply: object) {
    this.reply = reply;
  }
}

/**
 * Ends a command before its handler runs, with this ok reply; what the hook itself did stays. To refuse with an error
 * reply that discards everything, use `ctx.reject`.
 */
export function halt(reply: object = {}): Halt {
  return new Halt(reply);
}

/** A command as hooks see it. */
export interface CommandCall {
  readonly name: string;
  /** As the command's schema made it. */
  readonly payload: unknown;
}

/** A store that has rendered. Nothing in it may be changed. */
export interface RenderedStore {
  readonly module: string;
  readonly rootId: string;
  readonly storeId: StoreId;
  readonly user: User;
  /** As it goes to the client, children included. */
  readonly node: JsonObject;
}

/** What a store can have run around what happens to it. */
export interface StoreHooks<Context, Mounting = Context> {
  /** Before `mount`; `ctx.refuse` or anything thrown refuses the mount. */
  beforeMount?(ctx: Mounting, params: unknown): void | Promise<void>;
  /**
   * Before a command's handler, with a payload that has passed its schema. Returning {@link halt} answers in the
   * handler's place; `ctx.reject` or anything thrown fails the command. It is part of the command's transaction.
   */
  beforeCommand?(ctx: Context, call: CommandCall): void | Halt | Promise<void | Halt>;
  /** After a handler or a halt, with the reply; throwing fails the command even now. */
  afterCommand?(ctx: Context, call: CommandCall, reply: JsonObject): void | Promise<void>;
  /** After an envelope with what this store rendered. What it throws is logged. */
  afterRender?(rendered: RenderedStore): void;
}

/** What a hook for all stores gets: of any store, so that its assigns and params have no types. */
export interface HookContext {
  readonly module: string;
  readonly id: string;
  readonly storeId: StoreId;
  readonly params: unknown;
  /** `{}` in `beforeMount`. */
  readonly assigns: Readonly<Record<string, unknown>>;
  readonly user: User;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** The number that the client gave this command; `null` where it gave none. */
  readonly commandId: number | null;
  publish(topic: string, message: unknown): void;
  reject(reason: string, details?: object): never;
  refuse(reason: string, details?: object): never;
}

/** One message of a root, once all of it is done: for metrics and audit. */
export interface MessageReport {
  readonly kind: "mount" | "command" | "info" | "async" | "update" | "upload";
  /** Of the command, the info or the upload; what the async work is held under; `null` otherwise. */
  readonly name: string | null;
  /** The module of the root. */
  readonly module: string;
  readonly rootId: string;
  readonly storeId: StoreId;
  readonly user: User;
  readonly status: "ok" | "error";
  /** What a client is answered, whether or not one asked. */
  readonly response: JsonObject;
  /** What was thrown, for the server's own eyes; `null` when it succeeded. */
  readonly cause: unknown;
  /** Whether an envelope followed. */
  readonly isSent: boolean;
  /** From its turn in the mailbox to its end. */
  readonly durationMs: number;
  /** Of that, in what stores rendered and in turning it into JSON. */
  readonly renderMs: number;
}

/** A piece of work of a root that is about to be done: a message, or what one started in the background. */
export interface RootWork extends Pick<MessageReport, "name" | "module" | "rootId" | "storeId"> {
  readonly kind: MessageReport["kind"] | "background";
}

/** Hooks for all stores of a server, children too. */
export interface ServerHooks extends StoreHooks<HookContext> {
  /**
   * Around what a message runs, up to its render, and around each function in the background: for tracers. It calls
   * `run` once and gives what that resolves or rejects with; it cannot change it.
   */
  readonly around?: (<T>(work: RootWork, run: () => Promise<T>) => Promise<T>) | undefined;
  /** After every message of every root, failed ones too. What it throws is logged. */
  afterMessage?(report: MessageReport): void;
}
