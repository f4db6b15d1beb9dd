import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { createMusubiServer, defineStore, type InferStores, type MusubiServer, stream } from "@musubi/server";

/** A row of the list. */
export interface Entry {
  readonly id: string;
  readonly text: string;
  /** Grows with each change of the row. */
  readonly edition: number;
}

type Change =
  | { readonly kind: "insert"; readonly entry: Entry; readonly at: number }
  | { readonly kind: "delete"; readonly id: string };

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

function createStores(entries: readonly Entry[]) {
  const LongList = defineStore("LongList", {
    streams: { log: { key: (entry: Entry) => entry.id } },
    mount: (ctx) => {
      ctx.stream("log").reset(entries);
      ctx.subscribe("changes", "changed");
      return {};
    },
    render: () => ({ log: stream("log") }),
    info: {
      changed: (ctx, change: Change) => {
        const log = ctx.stream("log");
        if (change.kind === "insert") log.insert(change.entry, { at: change.at });
        else log.delete(change.id);
      },
    },
  });
  return createMusubiServer({ stores: [LongList], logger: { debug() {}, info() {}, warn() {}, error: console.error } });
}

export type LongListStores = InferStores<ReturnType<typeof createStores>>;

/** A server of one long list, and of the page that shows it. What is done to the list goes out one by one. */
export class LongListServer {
  readonly entries: Entry[];
  readonly #musubi: MusubiServer;
  readonly #http: Server;
  #serial: number;

  /** `folder` holds the built page. */
  constructor(size: number, folder: string) {
    this.#serial = size;
    this.entries = Array.from({ length: size }, (_, number) => ({ id: `k${number}`, text: "as it was", edition: 0 }));
    this.#musubi = createStores(this.entries);
    this.#http = createServer(({ url = "/" }, response) => {
      const path = url === "/" ? "/index.html" : url;
      response.setHeader("content-type", TYPES[extname(path)] ?? "text/plain");
      response.end(readFileSync(`${folder}${path}`));
    });
    this.#musubi.attach(this.#http, { path: "/socket" });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async listen(): Promise<void> {
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
  }

  /** Adds a row; at the end unless told where. */
  insert(at: number = this.entries.length): void {
    const entry = { id: `k${this.#serial++}`, text: "new", edition: 0 };
    this.entries.splice(at, 0, entry);
    this.#tell({ kind: "insert", entry, at: at === this.entries.length - 1 ? -1 : at });
  }

  /** Changes the row at a place. */
  change(at: number): void {
    const { id, edition } = this.entries[at] as Entry;
    const entry = { id, text: "changed", edition: edition + 1 };
    this.entries[at] = entry;
    this.#tell({ kind: "insert", entry, at: at === this.entries.length - 1 ? -1 : at });
  }

  /** Takes away the row at a place. */
  delete(at: number): void {
    const [gone] = this.entries.splice(at, 1);
    if (gone !== undefined) this.#tell({ kind: "delete", id: gone.id });
  }

  async close(): Promise<void> {
    await this.#musubi.close();
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, "close");
  }

  #tell(change: Change): void {
    this.#musubi.pubsub.publish("changes", change);
  }
}
