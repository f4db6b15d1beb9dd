import { createHash, type Hash } from "node:crypto";
import { createReadStream, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AnyStore,
  type ChannelDefinition,
  type ConnectHook,
  createEndpoint,
  createMusubiServer,
  createPubSub,
  type MusubiServerOptions,
  systemClock,
} from "@musubi/server";
// What createMusubiServer is made of: its roots end with their transport, until there are sessions.
import { connectionChannel } from "../../../packages/server/src/stores/connection-channel.js";
import { SlowClients } from "../../../packages/server/src/stores/outlet/slow-clients.js";
import { RootRegistry } from "../../../packages/server/src/stores/root-registry.js";
import { uploadChannel } from "../../../packages/server/src/uploads/upload-channel.js";
import { UploadService } from "../../../packages/server/src/uploads/upload-service.js";
import { silentLogger } from "./echo-server.js";
import { keepRoots } from "./keep-roots.js";

export interface StoreUploadServer {
  /** For phoenix.js. */
  readonly url: string;
  /** Temp files that are there, by name, heartbeats apart. */
  files(): string[];
  /** Cuts every connection, without a word. */
  cut(): void;
  close(): Promise<void>;
}

export interface StoreUploadServerOptions extends Partial<MusubiServerOptions<readonly AnyStore[]>> {
  readonly stores: readonly AnyStore[];
  readonly connect?: ConnectHook;
}

/** A server of stores on a port of its own, with its temp files in a folder of its own. */
export async function startStoreServer(options: StoreUploadServerOptions): Promise<StoreUploadServer> {
  const directory = mkdtempSync(join(tmpdir(), "musubi-server-uploads-"));
  const { stores, uploads, ...rest } = options;
  const musubi = createMusubiServer({ ...rest, stores, logger: silentLogger, uploads: { directory, ...uploads } });
  return serve(musubi, directory, () => musubi.close());
}

/**
 * The same of its parts, with roots that outlive a cut. `onChunk` is called when a chunk has been written, before its
 * answer, with how many bytes it had.
 */
export async function startKeepingServer(
  stores: readonly AnyStore[],
  onChunk: (bytes: number) => void,
): Promise<StoreUploadServer> {
  const directory = mkdtempSync(join(tmpdir(), "musubi-server-uploads-"));
  const uploads = new UploadService({ directory }, systemClock, silentLogger);
  const registry = new RootRegistry();
  const pubsub = createPubSub(silentLogger);
  const connection = connectionChannel({
    stores: new Map(stores.map((store) => [store.module, store])),
    registry,
    maxRoots: 10,
    maxTotalRoots: 100,
    maxParamsBytes: 65_536,
    environment: {
      clock: systemClock,
      logger: silentLogger,
      pubsub,
      freeze: true,
      handlerTimeoutMs: 30_000,
      mountTimeoutMs: 10_000,
      maxMailbox: 1_000,
      maxAsync: 64,
      maxResources: 1_000,
      slowClients: new SlowClients(),
      hooks: [],
      uploads,
    },
  });
  const channel = uploadChannel(uploads) as unknown as ChannelDefinition;
  const heard: ChannelDefinition = {
    ...channel,
    handlers: {
      async chunk(ctx, payload) {
        const answer = await channel.handlers?.["chunk"]?.(ctx, payload);
        onChunk((payload as Uint8Array).length);
        return answer;
      },
    },
  };
  const endpoint = createEndpoint({
    channels: [keepRoots(connection as unknown as ChannelDefinition), heard],
    pubsub,
    logger: silentLogger,
  });
  return serve(endpoint, directory, async () => {
    await endpoint.close();
    await registry.close(systemClock, 5_000);
    await uploads.close();
  });
}

/** All files below a folder of uploads, heartbeats apart. */
export function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) =>
    /[\\/](?!heartbeat$)/.test(name),
  );
}

async function serve(
  attachable: { attach(server: Server, options: { readonly path: string }): () => void },
  directory: string,
  close: () => Promise<void>,
): Promise<StoreUploadServer> {
  const sockets = new Set<Socket>();
  const http = createServer();
  http.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  attachable.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/socket`,
    files: () => filesIn(directory),
    cut,
    async close() {
      await close();
      cut();
      await new Promise((resolve) => http.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** An HTTP server that takes what is PUT, but for paths that contain `forbidden`. */
export interface PutTarget {
  readonly url: string;
  /** What has come, by path. */
  readonly taken: Map<string, { bytes: number; readonly hash: Hash }>;
  close(): Promise<void>;
}

export async function startPutTarget(): Promise<PutTarget> {
  const taken: PutTarget["taken"] = new Map();
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? "";
    if (request.method !== "PUT" || path.includes("forbidden")) {
      request.resume();
      response.writeHead(403).end();
      return;
    }
    const file = { bytes: 0, hash: createHash("sha256") };
    for await (const part of request) {
      file.bytes += (part as Buffer).length;
      file.hash.update(part as Buffer);
    }
    taken.set(path, file);
    response.writeHead(200).end();
  };
  const http = createServer((request, response) => void take(request, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    taken,
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** The SHA-256 of a file, in hex, read in pieces. */
export async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest("hex");
}
