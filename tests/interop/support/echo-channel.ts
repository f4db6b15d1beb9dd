import {
  type ChannelContext,
  type ChannelDefinition,
  channel,
  error,
  type HandlerResult,
  type JoinResult,
  joined,
  ok,
  refused,
  reply,
  stop,
} from "@musubi/server";

type Handler = (ctx: ChannelContext, payload: unknown) => HandlerResult | Promise<HandlerResult>;

/** The `echo:*` channel of the recorded server, rebuilt from what the recordings show of it. */
const handlers: Readonly<Record<string, Handler>> = {
  ping: (_ctx, payload) => ok(payload),
  ok_only: () => ok(),
  fail: () => error({ reason: "nope" }),
  error_only: () => error({}),
  custom_status: () => reply("teapot", { short: true }),
  slow: () => undefined,
  late(ctx, payload) {
    const answer = ctx.defer();
    const { ms } = payload as { ms: number };
    const timer = setTimeout(() => answer("ok", { ms }), ms);
    ctx.signal.addEventListener("abort", () => clearTimeout(timer));
  },
  big: (_ctx, payload) => ok({ data: "x".repeat((payload as { bytes: number }).bytes) }),
  push_me(ctx, payload) {
    ctx.push("pushed", payload);
    return ok();
  },
  push_noreply: (ctx, payload) => ctx.push("pushed", payload),
  push_bin(ctx, payload) {
    ctx.push("pushed_bin", bytesOf(payload));
    return ok();
  },
  broadcast(ctx, payload) {
    ctx.broadcast("shout", payload);
    return ok();
  },
  broadcast_from(ctx, payload) {
    ctx.broadcastFrom("shout", payload);
    return ok();
  },
  broadcast_bin(ctx, payload) {
    ctx.broadcast("shout_bin", bytesOf(payload));
    return ok();
  },
  broadcast_intercepted(ctx, payload) {
    ctx.broadcast("to_intercept", payload);
    return ok();
  },
  bin: (_ctx, payload) => ok(reversed(payload)),
  bin_to_json: (_ctx, payload) => ok({ size: (payload as Uint8Array).length }),
  bin_fail: (_ctx, payload) => error(reversed(payload)),
  crash() {
    throw new Error("asked to crash");
  },
  stop: () => stop("normal"),
  stop_shutdown: () => stop("shutdown"),
  stop_shutdown_reason: () => stop("shutdown"),
  stop_error: () => stop("error"),
  stop_reply: (_ctx, payload) => stop("normal", ok(payload)),
};

/**
 * The channels of the recorded server.
 *
 * `isAsync`: every handler takes a turn of the event loop first, so that messages overtake or wait for each other.
 */
export function echoChannels(isAsync = false): readonly ChannelDefinition[] {
  const echo = channel("echo:*", {
    join(ctx, payload) {
      const kind = ctx.topic.slice("echo:".length);
      if (kind === "slowjoin") return slowly((payload as { ms: number }).ms);
      if (kind === "denied") return refused({ reason: "unauthorized" });
      if ((payload as { deny?: boolean } | null)?.deny === true) return refused({ reason: "denied by param" });
      if (kind === "joincrash") throw new Error("asked to crash in join");
      if (kind === "noreply") return joined(null);
      if (kind === "afterjoin") ctx.send("after_join");
      if (kind === "stopafterjoin") {
        ctx.send("stop");
        return joined(null);
      }
      // Elixir has no JSON for the tuple that stands for bytes, and JavaScript none for a BigInt.
      return joined(null, { joined: ctx.topic, params: payload instanceof Uint8Array ? 0n : payload });
    },
    handlers: isAsync ? Object.fromEntries(Object.entries(handlers).map(later)) : handlers,
    intercept: {
      to_intercept: (ctx, payload) => ctx.push("intercepted", { ...(payload as object), seen_by: "handle_out" }),
    },
    info(ctx, message) {
      if (message === "stop") return stop("normal");
      ctx.push("welcome", { hello: true });
      return undefined;
    },
  });
  return [echo, channel("musubi:connection", { join: () => joined(null) })];
}

function later([event, handler]: [string, Handler]): [string, Handler] {
  // What takes over the answer must do so before its first await.
  if (event === "late") return [event, handler];
  return [
    event,
    async (ctx, payload) => {
      await new Promise((resolve) => setImmediate(resolve));
      return handler(ctx, payload);
    },
  ];
}

async function slowly(ms: number): Promise<JoinResult<null>> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return joined(null, { slow: ms });
}

function bytesOf(payload: unknown): Uint8Array {
  return Buffer.from((payload as { hex: string }).hex, "hex");
}

function reversed(payload: unknown): Uint8Array {
  return Uint8Array.from(payload as Uint8Array).toReversed();
}
