import { createHash, type Hash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import {
  type ChannelCode,
  type ChannelContext,
  type ChannelDefinition,
  channel,
  createEndpoint,
  error,
  type HandlerResult,
  joined,
  ok,
  refused,
} from "@musubi/server";
import { silentLogger } from "./echo-server.js";

/** A file that the server takes, and what it has of it. */
export interface StoredFile {
  readonly ref: string;
  readonly name: string;
  readonly size: number;
  /** Where each chunk began, in order. */
  readonly offsets: number[];
  received: number;
  /** SHA-256 of the bytes so far. */
  readonly hash: Hash;
  state: "open" | "complete" | "cancelled" | "failed";
}

export interface UploadServerOptions {
  readonly chunkBytes?: number;
  /** Called for each chunk when its bytes are kept, before the answer; what it returns is answered instead. */
  readonly onChunk?: (file: StoredFile) => HandlerResult;
}

export interface TestUploadServer {
  readonly url: string;
  readonly files: Map<string, StoredFile>;
  /** Announcements of clients. */
  readonly announced: unknown[];
  /** Errors that clients reported. */
  readonly errors: unknown[];
  /** How often upload channels were joined. */
  joins(): number;
  /** Upload channels that are open. */
  openUploads(): number;
  /** Cuts every connection, without a word. */
  cut(): void;
  /** Forgets the root, so that the next join begins it anew. */
  forget(): void;
  close(): Promise<void>;
}

const ROOT = "Album:a";
const FIELDS = { photos: { __musubi_upload__: "photos" }, elsewhere: { __musubi_upload__: "elsewhere" } };

interface Announcement {
  readonly store_id: string[];
  readonly name: string;
  readonly entries: readonly { client_ref: string; name: string; size: number; type: string }[];
}

/**
 * One root with two upload slots for one client, over real sockets: `photos` takes chunks, `elsewhere` sends files to
 * an HTTP PUT target of this server. It keeps the root over drops (protocol.md section 2, `resume`).
 */
export async function startUploadServer(options: UploadServerOptions = {}): Promise<TestUploadServer> {
  const { chunkBytes = 1_000, onChunk = () => undefined } = options;
  const files = new Map<string, StoredFile>();
  const announced: unknown[] = [];
  const errors: unknown[] = [];
  const sockets = new Set<Socket>();
  const root = new KeptRoot();
  let epoch = 1;
  let url = "";
  const counts = { joins: 0, open: 0 };

  const allow = ({ store_id, name, entries }: Announcement): object => {
    const answers: Record<string, object> = {};
    const ops: object[] = [{ op: "config", config: { chunk_size: chunkBytes, max_entries: 5 } }];
    for (const { client_ref, name: fileName, size, type } of entries) {
      const ref = `f${files.size + 1}`;
      const hash = createHash("sha256");
      files.set(ref, { ref, name: fileName, size, offsets: [], received: 0, hash, state: "open" });
      answers[client_ref] =
        name === "photos"
          ? { type: "channel", entry_ref: ref, token: `token-${ref}` }
          : { type: "external", entry_ref: ref, uploader: "put", meta: { url: `${url}/put/${ref}` } };
      const about = { client_name: fileName, client_size: size, client_type: type };
      ops.push({ op: "add", ref, entry: { ref, ...about, progress: 0, status: "pending", errors: [] } });
    }
    root.send(ops.map((op) => ({ ...op, upload: name, store_id })));
    return { ref: name, config: { chunk_size: chunkBytes, max_entries: 5 }, entries: answers, errors: [] };
  };
  const settle = (name: string, file: StoredFile, state: StoredFile["state"], op: object): void => {
    file.state = state;
    root.send([{ upload: name, store_id: [], ref: file.ref, ...op }]);
  };
  const fileOf = (payload: unknown): StoredFile | undefined => files.get((payload as { ref: string }).ref);

  const handlers: NonNullable<ChannelCode["handlers"]> = {
    mount(ctx, payload) {
      const { resume } = payload as { resume?: { epoch: string; version: number } };
      const isResumed = resume?.epoch === String(epoch);
      // What follows a mount follows its answer.
      ctx.send(isResumed ? resume.version : 0);
      return ok({ root_id: ROOT, epoch: String(epoch), ...(isResumed ? { resumed: true } : {}) });
    },
    unmount: () => ok(),
    allow_upload(_ctx, payload) {
      announced.push(payload);
      return ok(allow(payload as Announcement));
    },
    cancel_upload(_ctx, payload) {
      const file = fileOf(payload);
      if (file === undefined) return error({ reason: "unknown" });
      settle((payload as { name: string }).name, file, "cancelled", { op: "cancel" });
      return ok();
    },
    upload_progress(_ctx, payload) {
      const { name, progress } = payload as { name: string; progress: number };
      const file = fileOf(payload);
      if (file !== undefined && progress === 100) settle(name, file, "complete", { op: "complete" });
      return ok();
    },
    upload_error(_ctx, payload) {
      errors.push(payload);
      const { name, code, message } = payload as { name: string; code: string; message: string };
      const file = fileOf(payload);
      if (file !== undefined) settle(name, file, "failed", { op: "error", error: { code, message } });
      return ok();
    },
  };
  const info: ChannelCode["info"] = (ctx, version) => root.attach(ctx, version as number);
  const terminate: ChannelCode["terminate"] = (ctx) => root.detach(ctx);
  const connectionChannel = channel("musubi:connection", {
    join: () => joined(null, { session: { id: "s", token: "t", idle_timeout_ms: 60_000 }, features: ["resume"] }),
    handlers,
    info,
    terminate,
  });
  /** For servers of the newer kind, joining is the mount (protocol.md section 8). */
  const ownChannel = channel("roots:*", {
    join(ctx) {
      ctx.send(0);
      return joined(null);
    },
    handlers,
    info,
    terminate,
  });

  const uploadChannel: ChannelDefinition = channel<StoredFile>("musubi_upload:*", {
    join(ctx, payload) {
      const file = files.get(ctx.topic.slice("musubi_upload:".length));
      const isTheirs = (payload as { token?: string }).token === `token-${file?.ref}`;
      if (file === undefined || !isTheirs || file.state !== "open") return refused({ reason: "unknown_upload" });
      counts.joins++;
      counts.open++;
      return joined(file, { offset: file.received });
    },
    handlers: {
      chunk(ctx, payload) {
        const file = ctx.state;
        if (!(payload instanceof Uint8Array)) return error({ code: "internal", message: "no bytes" });
        if (payload.length > chunkBytes) return error({ code: "chunk_too_large" });
        file.offsets.push(file.received);
        file.received += payload.length;
        file.hash.update(payload);
        const answer = onChunk(file);
        const progress = Math.floor((file.received * 100) / file.size);
        if (file.received === file.size) settle("photos", file, "complete", { op: "complete" });
        return answer ?? ok({ progress });
      },
    },
    terminate: () => {
      counts.open--;
    },
  });

  const endpoint = createEndpoint({
    channels: [connectionChannel, ownChannel, uploadChannel],
    logger: silentLogger,
    maxPushesPerSecond: 1_000_000,
  });
  const http = createServer((request, response) => void takePut(request, response, files));
  http.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  endpoint.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `${url.replace("http", "ws")}/socket`,
    files,
    announced,
    errors,
    joins: () => counts.joins,
    openUploads: () => counts.open,
    cut,
    forget() {
      epoch++;
      root.forget();
      for (const file of files.values()) if (file.state === "open") file.state = "failed";
    },
    async close() {
      await endpoint.close();
      cut();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** The envelopes of the root, and the one connection that gets them. */
class KeptRoot {
  #context: ChannelContext | undefined;
  #log: object[] = [];

  attach(context: ChannelContext, version: number): void {
    this.#context = context;
    if (version === 0) {
      this.#log = [];
      const value = { __musubi_store_id__: [], ...FIELDS };
      this.#push({ ops: [{ op: "replace", path: "", value }] });
    }
    for (const envelope of this.#log.slice(version)) context.push("patch", envelope);
  }

  detach(context: ChannelContext): void {
    if (this.#context === context) this.#context = undefined;
  }

  forget(): void {
    this.#context = undefined;
    this.#log = [];
  }

  send(upload_ops: readonly object[]): void {
    this.#context?.push("patch", this.#push({ ops: [], upload_ops }));
  }

  #push(content: object): object {
    const base_version = this.#log.length;
    const envelope = {
      type: "patch",
      root_id: ROOT,
      base_version,
      version: base_version + 1,
      stream_ops: [],
      ...content,
    };
    this.#log.push(envelope);
    return envelope;
  }
}

async function takePut(
  request: IncomingMessage,
  response: ServerResponse,
  files: ReadonlyMap<string, StoredFile>,
): Promise<void> {
  const file = files.get(request.url?.slice("/put/".length) ?? "");
  if (request.method !== "PUT" || file === undefined || file.name.startsWith("forbidden")) {
    request.resume();
    response.writeHead(file === undefined ? 404 : 403).end();
    return;
  }
  for await (const part of request) {
    file.received += (part as Buffer).length;
    file.hash.update(part as Buffer);
  }
  response.writeHead(200).end();
}
