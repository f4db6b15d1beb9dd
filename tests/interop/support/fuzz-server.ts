import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ChannelDefinition,
  channel,
  child,
  command,
  createMusubiServer,
  createPresence,
  createPubSub,
  defineStore,
  joined,
  type MusubiServer,
  ok,
  type PubSub,
  Rejection,
  type StoreDefOf,
  stream,
  upload,
} from "@musubi/server";
import * as v from "valibot";
import { echoChannels } from "./echo-channel.js";
import { silentLogger } from "./echo-server.js";

/** What the app's own code throws when it is asked to: errors of these are the app's, and are logged as such. */
export class AppError extends Error {}

const Row = defineStore("Fuzz.Row", {
  params: v.object({ id: v.string() }),
  mount: () => ({ n: 0 }),
  render: ({ n }) => ({ n }),
  commands: { add: command((ctx) => ctx.assign({ n: ctx.assigns.n + 1 })) },
});

const Desk = defineStore("Fuzz.Desk", {
  params: v.object({ rows: v.optional(v.number()) }),
  streams: { log: { key: (line: { id: string; text: string }) => line.id, limit: -20 } },
  events: { said: v.object({ text: v.string() }) },
  uploads: { papers: { maxEntries: 3, maxFileSize: 100_000, chunkTimeoutMs: 1_000 } },
  mount: (ctx, { rows = 2 }) => {
    ctx.subscribe("fuzz", "told");
    ctx.sendEvery(20, "tick");
    return { count: 0, ticks: 0, rows: ["a", "b", "c"].slice(0, Math.max(0, rows)) };
  },
  render: ({ count, rows }) => ({
    count,
    rows: rows.map((id) => child(Row, { id })),
    log: stream("log"),
    papers: upload("papers"),
  }),
  info: {
    told: (ctx) => ctx.assign({ count: ctx.assigns.count + 1 }),
    tick: (ctx) => ctx.assign({ ticks: ctx.assigns.ticks + 1 }),
  },
  commands: {
    add: command(v.object({ by: v.number() }), (ctx, { by }) => {
      ctx.assign({ count: ctx.assigns.count + by });
      return { count: ctx.assigns.count };
    }),
    put: command(v.object({ rows: v.array(v.picklist(["a", "b", "c"])) }), (ctx, { rows }) =>
      ctx.assign({ rows: [...new Set(rows)] }),
    ),
    slow: command(async (ctx) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      ctx.publish("fuzz", null);
    }),
    say: command(v.object({ text: v.string() }), (ctx, { text }) => {
      ctx.stream("log").insert({ id: String(ctx.assigns.count), text });
      ctx.pushEvent("said", { text });
    }),
    save: command(async (ctx) => ({ names: await ctx.consumeUploadedEntries("papers", ({ name }) => name) })),
    fail: command(() => {
      throw new AppError("asked to fail");
    }),
    gone: command(() => {
      throw new Rejection("gone");
    }),
  },
});

export interface FuzzStores {
  readonly "Fuzz.Desk": StoreDefOf<typeof Desk>;
}

/** What waits, listens and lies around in this process and on a server. All of it goes back to what it was. */
export interface Level {
  readonly sockets: number;
  readonly channels: number;
  readonly roots: number;
  readonly uploads: number;
  readonly subscriptions: number;
  readonly files: number;
  readonly listeners: number;
  readonly timers: number;
  readonly connections: number;
}

export interface FuzzServer {
  readonly port: number;
  readonly musubi: MusubiServer;
  /** What was logged as an error, but for what the app's own code threw, or ended on purpose. */
  readonly errors: readonly unknown[];
  level(): Promise<Level>;
  close(): Promise<void>;
}

/** A message of the echo channel that has its handler end it with an error, which throws nothing. */
const ASKS_TO_CRASH = "stop_error";

/** The folder of this process, and the file that tells others that it lives. */
const OWN_FILES = /^p-[\w-]{22}(.heartbeat)?$/;

/** A server with everything that clients can reach: stores, uploads, presence, plain channels, both transports. */
export async function startFuzzServer(): Promise<FuzzServer> {
  const directory = await mkdtemp(join(tmpdir(), "musubi-fuzz-"));
  const errors: unknown[] = [];
  const error = (details: { readonly err?: unknown; readonly event?: unknown }, message: string): void => {
    if (!(details.err instanceof AppError || details.event === ASKS_TO_CRASH)) errors.push({ message, ...details });
  };
  const logger = { ...silentLogger, error };
  const { pubsub, count } = counting(createPubSub(logger));
  const presence = createPresence({ pubsub });
  const before = count();
  const room = channel("room:*", {
    join: (ctx) => {
      presence.track(ctx, ctx.socket.id ?? "somebody", { since: 0 });
      presence.watch(ctx);
      return joined(null);
    },
    handlers: {
      away: (ctx) => {
        presence.update(ctx, ctx.socket.id ?? "somebody", (meta) => ({ ...meta, away: true }));
        return ok();
      },
    },
  });
  const plain = channel("plain", { join: () => joined(null), handlers: { ping: (_ctx, payload) => ok(payload) } });
  const musubi = createMusubiServer({
    stores: [Desk],
    channels: [...echoChannels().slice(0, 1).map(asApp), room, plain],
    connect: async ({ params }) => {
      if (params["slow"] !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
      return params["refuse"] === undefined ? { id: params["user"] ?? null } : false;
    },
    pubsub,
    logger,
    maxFrameBytes: 60_000,
    // Long enough for a machine that has more to do: a session is over when half a window passes between its polls.
    longPoll: { windowMs: 2_000 },
    uploads: { directory, tokenTtlMs: 60_000 },
  });
  const http = createServer((_request, response) => response.writeHead(404).end());
  const detach = musubi.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    port: (http.address() as AddressInfo).port,
    musubi,
    errors,
    async level() {
      const { sockets, channels, roots, uploads } = musubi.inspect();
      return {
        sockets,
        channels,
        roots: roots.length,
        uploads: uploads.files,
        subscriptions: count() - before,
        files: (await readdir(directory, { recursive: true })).filter((path) => !OWN_FILES.test(path)).length,
        listeners: listenersOf(process) + listenersOf(http),
        timers: process.getActiveResourcesInfo().filter((name) => name === "Timeout").length,
        connections: await connectionsOf(http),
      };
    },
    async close() {
      await musubi.close();
      presence.close();
      detach();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

/** Has what a channel's code throws be known as the app's. */
function asApp(definition: ChannelDefinition): ChannelDefinition {
  const { handlers = {}, intercept = {} } = definition;
  return {
    ...definition,
    join: marked((ctx, payload) => definition.join(ctx, payload)),
    handlers: Object.fromEntries(Object.entries(handlers).map(([event, code]) => [event, marked(code)])),
    intercept: Object.fromEntries(Object.entries(intercept).map(([event, code]) => [event, marked(code)])),
  };
}

function marked<Args extends readonly unknown[], Result>(code: (...args: Args) => Result): (...args: Args) => Result {
  return (...args) => {
    try {
      return code(...args);
    } catch (cause) {
      throw new AppError("the echo channel threw", { cause });
    }
  };
}

function counting(inner: PubSub): { readonly pubsub: PubSub; readonly count: () => number } {
  const live = new Set<object>();
  const pubsub: PubSub = {
    publish: (topic, message) => inner.publish(topic, message),
    subscribe(topic, listener) {
      const undo = inner.subscribe(topic, listener);
      const own = {};
      live.add(own);
      return () => {
        live.delete(own);
        undo();
      };
    },
  };
  return { pubsub, count: () => live.size };
}

function listenersOf(emitter: NodeJS.EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
}

function connectionsOf(http: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    http.getConnections((cause, count) => (cause === null ? resolve(count) : reject(cause)));
  });
}
