import { MusubiError } from "@musubi/protocol";
import type { ChannelContext, ChannelDefinition, HandlerResult } from "./channel.js";
import type { Mail } from "./mailbox.js";

/**
 * Calls the code that a piece of mail is for; `phx_leave` is the driver's and has none.
 *
 * Throws `invalid_usage` for an event that nobody takes: the channel crashes, as in Phoenix.
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
      if (typeof event === "string") {
        // Own handlers only: an event named like a member of Object.prototype is as unknown as any other.
        if (definition.handlers !== undefined && Object.hasOwn(definition.handlers, event)) {
          return definition.handlers[event]?.(context, payload);
        }
        if (definition.fallback !== undefined) return definition.fallback(context, event, payload);
      }
      throw new MusubiError("invalid_usage", `channel ${context.topic} has no handler for ${JSON.stringify(event)}`);
    }
    default:
      return mail satisfies never;
  }
}

/** Whether a definition wants to see a broadcast before its client does. */
export function intercepts(definition: ChannelDefinition, event: string): boolean {
  return definition.intercept !== undefined && Object.hasOwn(definition.intercept, event);
}
