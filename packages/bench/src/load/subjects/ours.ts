import { createServer } from "node:http";
import { type ChannelContext, channel, createMusubiServer, joined } from "@musubi/server";
import { listening } from "../listening.js";
import { NEVER_MS } from "../never.js";
import type { ClientSide, ServerSide } from "./subject.js";

/** `@musubi/server` with a plain channel that all clients join. */
export async function serveOurs(): Promise<ServerSide> {
  const contexts: ChannelContext[] = [];
  const load = channel("load:all", {
    join(ctx) {
      contexts.push(ctx);
      return joined(null);
    },
  });
  const musubi = createMusubiServer({ stores: [], channels: [load], heartbeatTimeoutMs: NEVER_MS });
  const server = createServer();
  musubi.attach(server, { path: "/socket" });
  return {
    port: await listening(server),
    broadcast({ text }) {
      musubi.broadcast("load:all", "change", { text });
    },
    push(to, { text }) {
      contexts[to]?.push("change", { text });
    },
  };
}

export const oursClient: ClientSide = {
  path: () => "/socket/websocket?vsn=2.0.0",
  hello: () => [],
  join: () => [{ send: JSON.stringify(["1", "1", "load:all", "phx_join", {}]), awaited: 1 }],
};
