// One of several nodes that share a Redis server, at the URL in argv[2]; prints its port. SIGTERM closes it. Built
// packages: run `tsc -b` first.
import { createServer } from "node:http";
import { channel, command, createMusubiServer, createPresence, defineStore, joined, ok } from "@musubi/server";
import { createValkeyPubSub } from "@musubi/server/valkey";
import * as v from "valibot";

// Outages are no news here.
const logger = { debug() {}, info() {}, warn() {}, error: console.error };
const pubsub = createValkeyPubSub(process.argv[2], { logger });
const presence = createPresence({ pubsub, heartbeatMs: Number(process.env["HEARTBEAT_MS"] ?? 5_000) });

const Board = defineStore("Board", {
  mount: (ctx) => {
    ctx.subscribe("notes", "noted");
    return { pid: process.pid, notes: [], ran: [] };
  },
  render: ({ pid, notes, ran }) => ({ pid, notes, ran }),
  info: { noted: (ctx, note) => ctx.assign({ notes: [...ctx.assigns.notes, note] }) },
  commands: {
    note: command(v.unknown(), (ctx, payload) => ctx.publish("notes", payload)),
    // Runs, and never answers.
    hang: command(() => new Promise(() => process.stdout.write("hanging\n"))),
    run: command(v.object({ n: v.number() }), (ctx, { n }) => {
      ctx.assign({ ran: [...ctx.assigns.ran, n] });
      return { n, pid: process.pid };
    }),
  },
});

const room = channel("room:*", {
  join: () => joined(null, { pid: process.pid }),
  handlers: {
    say: (ctx, payload) => {
      ctx.broadcastFrom("said", payload);
      return ok({});
    },
    all: (ctx, payload) => {
      ctx.broadcast("said", payload);
      return ok({});
    },
    burst: (ctx, { count }) => {
      for (let n = 0; n < count; n++) ctx.broadcast("counted", { n });
      return ok({});
    },
  },
});

const hall = channel("hall:*", {
  join: (ctx, { name }) => {
    presence.track(ctx, name, { pid: process.pid });
    presence.watch(ctx);
    return joined(null);
  },
});

const musubi = createMusubiServer({
  stores: [Board],
  channels: [room, hall],
  pubsub,
  logger,
  drainTimeoutMs: 500,
  handlerTimeoutMs: 600_000,
  longPoll: { secret: "which all of these processes share", windowMs: 2_000 },
});
const http = createServer();
musubi.attach(http, { path: "/socket" });
http.listen(0, "127.0.0.1", () => process.stdout.write(`${http.address().port}\n`));

async function stop() {
  await musubi.close();
  presence.close();
  http.close();
  http.closeAllConnections();
  await pubsub.close();
}

// It ends by itself when nothing is left open.
process.once("SIGTERM", () => void stop());
