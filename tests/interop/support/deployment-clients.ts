import type { ConnectionOptions as TlsOptions } from "node:tls";
import { type AnyRegistry, MusubiCommandError, type MusubiConnection, type UploadHandle } from "@musubi/client";
import type { CreateSocketOptions } from "@musubi/client/socket";
import { LongPoll } from "phoenix";
import { WebSocket } from "ws";
import type { Deployment } from "./deployment.js";

/** What the tests use of the guide's stores. */
export interface DeskStore {
  readonly papers: UploadHandle;
  snapshot(): { readonly title: string; readonly saved: readonly string[] } | undefined;
  subscribe(listener: () => void): () => void;
  dispatchCommand(name: string, payload?: object): Promise<unknown>;
}

/** A WebSocket that trusts the deployment's certificate, for its name. */
export function trustingWebSocket({ certificate }: Deployment): new (url: string, protocols?: string[]) => WebSocket {
  const options: WebSocket.ClientOptions & TlsOptions = { ca: certificate, servername: "desk.example.com" };
  return class extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols, options);
    }
  };
}

/** What phoenix.js offers as subprotocols, for a token that stays out of URLs. */
export const authToken = (token: string): string[] => [
  "phoenix",
  `base64url.bearer.phx.${Buffer.from(token).toString("base64url")}`,
];

/** The status that a WebSocket's handshake is answered with. */
export function handshake(
  url: string,
  protocols: string[],
  headers: Record<string, string> = {},
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url}/websocket?vsn=2.0.0`, protocols, { headers, rejectUnauthorized: false });
    socket.on("upgrade", ({ statusCode }) => resolve(statusCode));
    socket.on("open", () => socket.close());
    socket.on("unexpected-response", (sent, { statusCode }) => {
      resolve(statusCode);
      sent.destroy();
    });
    socket.on("error", reject);
  });
}

/** How a command has ended. */
export interface End {
  readonly n: number;
  readonly fate: "ok" | "unknown" | "not_sent";
}

/** A client of the page's `client.ts`: what its user sees, and what became of all that it asked for. */
export class DeskClient {
  readonly name: string;
  readonly connection: MusubiConnection<AnyRegistry>;
  readonly shared: DeskStore;
  readonly own: DeskStore;
  readonly ends: End[] = [];
  sent = 0;
  blanks = 0;
  /** Times in milliseconds at which it has shown a new state of the shared ticket. */
  readonly news: number[] = [];

  private constructor(name: string, connection: MusubiConnection<AnyRegistry>, shared: DeskStore, own: DeskStore) {
    this.name = name;
    this.connection = connection;
    this.shared = shared;
    this.own = own;
    let title: string | undefined;
    shared.subscribe(() => {
      const now = shared.snapshot()?.title;
      if (now === undefined) this.blanks += 1;
      if (now !== title) this.news.push(performance.now());
      title = now;
    });
    own.subscribe(() => {
      if (own.snapshot() === undefined) this.blanks += 1;
    });
  }

  static async open(deployment: Deployment, name: string, transport: "websocket" | "longpoll"): Promise<DeskClient> {
    const { openDesk } = (await import(`${deployment.code}client.ts`)) as {
      openDesk: (
        token: () => Promise<string>,
        url: string,
        options: CreateSocketOptions,
      ) => Promise<MusubiConnection<AnyRegistry>>;
    };
    const connection = await openDesk(async () => `token-of-${name}`, deployment.url, {
      transport: transport === "longpoll" ? LongPoll : trustingWebSocket(deployment),
      logger: { warn() {}, error() {} },
    });
    const mount = async (module: string, id: string): Promise<DeskStore> =>
      (await connection.mountStore({ module, id })).store as unknown as DeskStore;
    return new DeskClient(name, connection, await mount("Ticket", "shared"), await mount("Ticket", name));
  }

  async attachments(): Promise<DeskStore> {
    const { store } = await this.connection.mountStore({ module: "Attachments", id: this.name });
    return store as unknown as DeskStore;
  }

  /** Renames its own ticket to the number of the command. */
  rename(): void {
    const n = this.sent++;
    this.own.dispatchCommand("rename", { title: `${n}` }).then(
      () => this.ends.push({ n, fate: "ok" }),
      (error: unknown) => {
        if (!MusubiCommandError.is(error) || error.fate === "rejected") throw error;
        this.ends.push({ n, fate: error.fate });
      },
    );
  }

  /** How many commands were answered, and not only given up. */
  get answered(): number {
    return this.ends.filter(({ fate }) => fate === "ok").length;
  }

  /** The longest time without news, in milliseconds. */
  get longestSilence(): number {
    return Math.max(0, ...this.news.slice(1).map((at, index) => at - (this.news[index] ?? at)));
  }
}
