import type { Envelope } from "@musubi/protocol";
import { type ChannelContext, type ChannelDefinition, joined, ok } from "@musubi/server";

type Handler = (ctx: ChannelContext, payload: unknown) => unknown;

/**
 * The connection channel of a server whose roots outlive a dropped transport (protocol.md section 2, `resume`), for one
 * client with one root: sessions are no part of these tests, and what they have to hold over a cut is.
 */
export function keepRoots(definition: ChannelDefinition): ChannelDefinition {
  let state: unknown;
  let current: ChannelContext | undefined;
  let log: Envelope[] = [];
  const handlers = definition.handlers as Readonly<Record<string, Handler>>;
  const mount: Handler = (ctx, payload) => {
    const { module, id, resume } = payload as { module: string; id: string; resume?: { version: number } };
    const root_id = `${module}:${id}`;
    const reply = { root_id, epoch: "1" };
    current = ctx;
    if (resume !== undefined && log.length > 0) {
      ctx.defer()("ok", { ...reply, resumed: true });
      for (const envelope of log.slice(resume.version)) ctx.push("patch", envelope);
      return undefined;
    }
    log = [];
    const lasting: ChannelContext = {
      ...pick(ctx),
      push(event, message) {
        if (event === "patch") log.push(message as Envelope);
        current?.push(event, message);
      },
      defer: () => {
        const answer = ctx.defer();
        return (status, response) => answer(status, status === "ok" ? reply : response);
      },
    };
    return handlers["mount"]?.(lasting, payload);
  };
  return {
    ...definition,
    async join(ctx, payload) {
      const first = await definition.join(ctx, payload);
      if (first.kind === "refused") return first;
      state ??= first.state;
      const session = { id: "s", token: "t", idle_timeout_ms: 60_000 };
      return joined(state, { session, features: ["resume"] });
    },
    handlers: { ...handlers, mount } as NonNullable<ChannelDefinition["handlers"]>,
    fallback: () => ok(),
    terminate(ctx) {
      if (current === ctx) current = undefined;
    },
  };
}

/** What a context says of its channel; its getters are not its own members. */
function pick({
  topic,
  socket,
  logger,
  pubsub,
  state,
  signal,
}: ChannelContext): Omit<ChannelContext, "push" | "defer"> {
  return { topic, socket, logger, pubsub, state, signal, broadcast() {}, broadcastFrom() {}, send() {} };
}
