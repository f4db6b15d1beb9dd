import { type JsonValue, MusubiError } from "@musubi/protocol";
import type { ChannelContext, ChannelDefinition, HandlerResult } from "./channel.js";
import type { Mail } from "./mailbox.js";

/**
 * Calls the code that a piece of mail is for; `phx_leave` is the driver's and has none.
 *
 * Throws `unknown_event` for an event that nobody takes: the channel crashes, as in Phoenix.
 */
export function callHandler(
  definition: ChannelDefinition,
  context: ChannelContext,
  mail: Exclude<Mail, { kind: "leave" }>,
): HandlerResult | Promise<HandlerResult> {
  switch (mail.kind) {
    case "info":
      if (definition.info !== undefined) return definition.info(context, mail.message);
      context.logger.warn({ topic: context.topic }, "a message for a channel without info() was dropped");
      return undefined;
    case "intercepted":
      return definition.intercept?.[mail.event]?.(context, mail.payload);
    case "push": {
      const { event, payload } = mail.frame;
      // Own handlers only: an event named like a member of Object.prototype is as unknown as any other.
      if (typeof event === "string" && definition.handlers !== undefined && Object.hasOwn(definition.handlers, event)) {
        return definition.handlers[event]?.(context, payload);
      }
      if (definition.fallback !== undefined) {
        return definition.fallback(context, typeof event === "string" ? event : JSON.stringify(event), payload);
      }
      throw new MusubiError("unknown_event", `channel ${brief(context.topic)} has no handler for ${brief(event)}`);
    }
    default:
      return mail satisfies never;
  }
}

/** Characters of what a client made up that reach a log. */
const MAX_SHOWN = 100;

/** What a client has sent, for a log: a client must not say how long its lines are. */
export function brief(value: JsonValue): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Whether a definition wants to see a broadcast before its client does. */
export function intercepts(definition: ChannelDefinition, event: string): boolean {
  return definition.intercept !== undefined && Object.hasOwn(definition.intercept, event);
}

/** How logs name what a piece of mail is for. */
export function eventOf(mail: Mail): string {
  return mail.kind === "push" ? brief(mail.frame.event) : mail.kind;
}

const CAUSED_BY_CLIENTS: ReadonlySet<string> = new Set(["unknown_event", "overloaded"]);

/** How to log a crash: what a client can do by itself is no error of the app's. */
export function levelOf(cause: unknown): "warn" | "error" {
  return cause instanceof MusubiError && CAUSED_BY_CLIENTS.has(cause.code) ? "warn" : "error";
}
