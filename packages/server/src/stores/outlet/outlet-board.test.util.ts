import type { Envelope, JsonValue } from "@musubi/protocol";
import * as v from "valibot";
import { expect } from "vitest";
import type { UploadService } from "../../uploads/upload-service.js";
import { command } from "../command.js";
import { defineStore } from "../define-store.js";
import { child, stream } from "../placeholders.js";
import { type Received, type StoreClient, StoreServer, turns } from "../store-client.test.util.js";
import type { AnyStore } from "../store-types.js";
import { type } from "../schema.js";
import { SlowClients } from "./slow-clients.js";

/** Unsent bytes that are too many for a root to send more. */
export const BEHIND = 10_000;

/** A child with a stream and an event. */
export const Leaf = defineStore("Test.Leaf", {
  params: type<{ tint: string }>(),
  streams: { log: { key: (item: string) => item } },
  mount: (ctx) => {
    ctx.stream("log").insert("born");
    return {};
  },
  render: (_assigns, { params }) => ({ tint: params.tint, log: stream("log") }),
  events: { cheer: type<{ word: string }>() },
  commands: {
    note: command(v.string(), (ctx, item) => ctx.stream("log").insert(item)),
    cheer: command(v.string(), (ctx, word) => ctx.pushEvent("cheer", { word })),
  },
});

/** Why boards have ended. */
export const terminated: unknown[] = [];
/** What a board that is mounted has in its rows. */
export const kept: string[] = [];

const Board = defineStore("Test.Board", {
  streams: { rows: { key: (item: string) => item } },
  events: { toast: type<{ text: string }>() },
  mount: (ctx) => {
    ctx.stream("rows").reset(kept);
    return { count: 0, title: "t", ids: [] as readonly string[], fails: false };
  },
  render: ({ count, title, ids, fails }) => {
    if (fails) throw new Error("on purpose");
    return {
      count,
      title,
      rows: stream("rows"),
      leaves: ids.map((id) => child(Leaf, { id, tint: title })),
    };
  },
  commands: {
    count: command((ctx) => {
      ctx.assign({ count: ctx.assigns.count + 1 });
      return { count: ctx.assigns.count };
    }),
    set: command(type<{ count?: number; title?: string; ids?: string[]; fails?: boolean }>(), (ctx, some) =>
      ctx.assign(some),
    ),
    row: command(v.string(), (ctx, row) => {
      ctx.stream("rows").insert(row);
    }),
    toast: command(v.string(), (ctx, text) => ctx.pushEvent("toast", { text })),
    many: command(v.number(), (ctx, many) => {
      for (let at = 0; at < many; at++) ctx.stream("rows").insert(`many ${at}`);
    }),
  },
  terminate: (_ctx, reason) => void terminated.push(reason),
});

/** A root, and the client that has it. */
export interface Board {
  readonly server: StoreServer;
  readonly client: StoreClient;
  readonly root: string;
  readonly slowClients: SlowClients;
  /** What the client got since the last look. */
  readonly take: () => { readonly envelopes: readonly Envelope[]; readonly events: readonly string[] };
}

/** Mounts a board, or the first of `stores`, for a client of its own. */
export async function board(
  limits: ConstructorParameters<typeof SlowClients>[0] = {},
  stores: readonly AnyStore[] = [Board],
  uploads?: UploadService,
): Promise<Board> {
  terminated.length = 0;
  kept.length = 0;
  const slowClients = new SlowClients({ conflateAboveBytes: 1_000, ...limits });
  const server = new StoreServer(stores, { slowClients, ...(uploads === undefined ? {} : { uploads }) });
  const client = await server.connect();
  const root = await client.mount(stores[0]?.module ?? "");
  let [envelopes, received] = [client.envelopes.length, client.received.length];
  return {
    server,
    client,
    root,
    slowClients,
    take: () => {
      const [from, since] = [envelopes, received];
      [envelopes, received] = [client.envelopes.length, client.received.length];
      const fresh: readonly Received[] = client.received.slice(since);
      return {
        envelopes: client.envelopes.slice(from),
        events: fresh.map((each) => (each.kind === "push" ? each.event : each.status)),
      };
    },
  };
}

/** Sends a command that has to succeed, and lets what it does be done. */
export async function run(client: StoreClient, root: string, name: string, payload: JsonValue = {}): Promise<void> {
  expect(await client.command(root, name, payload)).toMatchObject({ status: "ok" });
  await turns(1);
}
