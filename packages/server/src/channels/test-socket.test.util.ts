import type { Clock } from "@musubi/protocol";
import { expect } from "vitest";
import type { Logger } from "../logger.js";
import { type ChannelDefinition, channel, joined } from "./channel.js";
import { ChannelRouter } from "./channel-router.js";
import { createPubSub, type PubSub } from "./pubsub.js";
import { DEFAULT_SESSION_LIMITS, type SessionLimits } from "./session-limits.js";
import { type SessionEnd, SocketSession } from "./socket-session.js";

/** A promise that a test settles when it is time. */
export interface Gate<Value = void> {
  readonly promise: Promise<Value>;
  readonly open: (value: Value) => void;
}

export function gate<Value = void>(): Gate<Value> {
  let open: (value: Value) => void = ignore;
  const promise = new Promise<Value>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

/** One client on a session: what it was sent, how it was closed, what was logged. */
export class TestSocket {
  readonly sent: unknown[] = [];
  readonly closed: SessionEnd[] = [];
  readonly logged: { level: string; details: object; message: string }[] = [];
  readonly session: SocketSession;
  readonly pubsub: PubSub;
  now = 0;

  constructor(channels: readonly ChannelDefinition[], limits: Partial<SessionLimits> = {}, pubsub?: PubSub) {
    const log =
      (level: string) =>
      (details: object, message: string): void =>
        void this.logged.push({ level, details, message });
    const logger: Logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
    this.pubsub = pubsub ?? createPubSub(logger);
    const clock: Clock = { now: () => this.now, setTimeout: () => ({}), clearTimeout: () => {} };
    this.session = new SocketSession(
      {
        router: new ChannelRouter(channels),
        pubsub: this.pubsub,
        logger,
        clock,
        limits: { ...DEFAULT_SESSION_LIMITS, ...limits },
      },
      {
        send: ({ data }) => void this.sent.push(typeof data === "string" ? JSON.parse(data) : data),
        close: (end) => void this.closed.push(end),
      },
      { id: null, params: {}, headers: {}, user: undefined, unsentBytes: () => 0, whenDrained: () => () => {} },
    );
  }

  say(...frame: [unknown, unknown, unknown, unknown, unknown]): void {
    this.session.receiveText(JSON.stringify(frame));
  }

  /** What was sent since the last call. */
  take(): unknown[] {
    return this.sent.splice(0);
  }

  /** Joins `room:a` under join ref 1. */
  join(): this {
    this.say("1", "1", "room:a", "phx_join", {});
    expect(this.take()).toEqual([okTo("1", "1")]);
    return this;
  }
}

/** Lets promises and what they set off settle. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

export function okTo(joinRef: unknown, ref: unknown, response: unknown = {}): unknown {
  return [joinRef, ref, "room:a", "phx_reply", { status: "ok", response }];
}

export function errorTo(joinRef: unknown, ref: unknown, reason: string): unknown {
  return [joinRef, ref, "room:a", "phx_reply", { status: "error", response: { reason } }];
}

export const crashOfOne: readonly unknown[] = ["1", "1", "room:a", "phx_error", { reason: "channel_crash" }];
export const closeOfOne: readonly unknown[] = ["1", "1", "room:a", "phx_close", {}];

type Definition = Partial<Omit<ChannelDefinition, "topic">>;

export function room(definition: Definition = {}): ChannelDefinition {
  return channel("room:*", { join: () => joined(null), ...definition });
}

function ignore(): void {}
