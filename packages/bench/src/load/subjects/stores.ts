import { createServer } from "node:http";
import { CONNECTION_TOPIC, MOUNT, PHX_JOIN } from "@musubi/protocol";
import { createMusubiServer, defineStore } from "@musubi/server";
import { listening } from "../listening.js";
import { NEVER_MS } from "../never.js";
import type { ClientSide, ServerSide } from "./subject.js";

const MODULE = "Load";

const Load = defineStore(MODULE, {
  mount: () => ({ text: "" }),
  render: ({ text }) => ({ text, title: "load", isOpen: true, count: 1 }),
  info: {
    change(ctx, text: string) {
      ctx.assign({ text });
    },
  },
});

/** `@musubi/server` with roots: a change is one assign in one of them, and becomes one envelope. */
export async function serveStores(): Promise<ServerSide> {
  const musubi = createMusubiServer({
    stores: [Load],
    heartbeatTimeoutMs: NEVER_MS,
    maxRoots: 1e6,
    maxPushesPerSecond: 1e6,
  });
  const server = createServer();
  musubi.attach(server, { path: "/socket" });
  const ids: string[] = [];
  return {
    port: await listening(server),
    push(to, { text }) {
      musubi.send({ module: MODULE, id: (ids[to] ??= String(to)) }, "change", text);
    },
  };
}

export const storesClient: ClientSide = {
  path: () => "/socket/websocket?vsn=2.0.0",
  hello: () => [{ send: JSON.stringify(["1", "1", CONNECTION_TOPIC, PHX_JOIN, {}]), awaited: 1 }],
  // A reply and a first envelope each.
  join: (roots) =>
    roots.map((root) => ({
      send: JSON.stringify(["1", "2", CONNECTION_TOPIC, MOUNT, { module: MODULE, id: String(root), params: {} }]),
      awaited: 2,
    })),
};
