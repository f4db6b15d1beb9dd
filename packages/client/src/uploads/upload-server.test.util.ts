import type { UploadEntry } from "@musubi/protocol";
import { eventually, initialEnvelope, type ReceivedMessage, ScriptedServer, type TestSocket } from "@musubi/testing";

export const ROOT = "Album:a";

interface Announced {
  readonly name: string;
  readonly entries: readonly {
    readonly client_ref: string;
    readonly name: string;
    readonly size: number;
    readonly type: string;
  }[];
}

/** What phoenix.js would send as bytes, as text that a scripted server can read. */
function encode(message: Record<string, unknown>, callback: (data: string) => void): void {
  const { join_ref, ref, topic, event, payload } = message;
  const isBytes = (payload as object).constructor === ArrayBuffer;
  const bytes = isBytes ? { bytes: Array.from(new Uint8Array(payload as ArrayBuffer)) } : payload;
  callback(JSON.stringify([join_ref, ref, topic, event, bytes]));
}

/**
 * A scripted server with uploads: it takes every file as `e<client_ref>`, answers joins with what it has of the file,
 * and chunks with the progress. What a test wants otherwise it puts into `answer`.
 */
export class UploadServer {
  readonly server: ScriptedServer = new ScriptedServer();
  /** The bytes that have come, by entry ref. */
  readonly bytes: Map<string, number[]> = new Map();
  readonly sizes: Map<string, number> = new Map();
  readonly config: Record<string, unknown> = { accept: null, max_entries: 9, max_file_size: null, chunk_size: 4 };
  /** Answers an entry of `allow_upload`; `undefined` leaves it out. */
  answerEntry: (ref: string, name: string) => object | undefined = (ref) => ({
    type: "channel",
    entry_ref: ref,
    token: `token of ${ref}`,
  });
  /** What is added to the answer to `allow_upload`. */
  errors: readonly object[] = [];
  /** Takes a message instead of this server, when it returns `true`. */
  take: (event: string, message: ReceivedMessage, proceed: () => void) => boolean = () => false;
  /** The name of the root's life, where it is kept. */
  epoch = "e1";
  /** Of a root that is kept. */
  #version = 0;

  constructor() {
    this.server.store("Album", (_id, params) => {
      const fields = { title: "A", photos: { __musubi_upload__: "photos" } };
      return (params as { bare?: boolean }).bare === true ? { title: "A" } : fields;
    });
    for (const event of ["allow_upload", "cancel_upload", "upload_progress", "upload_error", "chunk", "phx_join"]) {
      this.server.intercept(event, (message, proceed) => {
        const answer = (): void => this.#answer(message, proceed);
        if (!this.take(event, message, answer)) answer();
      });
    }
    this.server.intercept("phx_leave", (message, proceed) => {
      if (message.topic.startsWith("musubi_upload:")) this.server.reply(message, "ok", {});
      else proceed();
    });
  }

  createSocket(): TestSocket {
    return this.server.createSocket({ encode });
  }

  /** Keeps the root over drops, as a server with the feature `resume` does. */
  keepRoot(): void {
    this.server.joinReply = { session: { id: "s", token: "t", idle_timeout_ms: 1_000 }, features: ["resume"] };
    this.server.intercept("mount", (message) => {
      const resumed = (message.payload as { resume?: object }).resume !== undefined;
      this.server.reply(message, "ok", { root_id: ROOT, epoch: this.epoch, ...(resumed ? { resumed } : {}) });
      if (resumed) return;
      this.#version = 1;
      this.server.push("patch", initialEnvelope(ROOT, { photos: { __musubi_upload__: "photos" } }, {}));
    });
  }

  /** Sends an envelope with upload ops of the root's slot `photos`. */
  ops(...ops: readonly object[]): void {
    const upload_ops = ops.map((op) => ({ upload: "photos", store_id: [], ...op }));
    if (this.#version === 0) {
      this.server.patch(ROOT, [], { upload_ops } as object);
      return;
    }
    const [base_version, version] = [this.#version, ++this.#version];
    const envelope = { type: "patch", root_id: ROOT, base_version, version, ops: [], upload_ops };
    this.server.push("patch", envelope);
  }

  /** Payloads that came with an event, without what names the root. */
  told(event: string): unknown[] {
    return this.server.messages(event).map((payload) => {
      const { root_id: _root, store_id: _store, name: _name, ...rest } = payload as Record<string, unknown>;
      return rest;
    });
  }

  /** Topics of upload channels that were joined, or left. */
  topics(event: "phx_join" | "phx_leave"): string[] {
    return this.server.received
      .filter((message) => message.event === event && message.topic.startsWith("musubi_upload:"))
      .map(({ topic }) => topic.slice("musubi_upload:".length));
  }

  text(ref: string): string {
    return String.fromCharCode(...(this.bytes.get(ref) ?? []));
  }

  /** Resolves when `count` messages with an event have come. */
  async got(event: string, count: number): Promise<void> {
    await eventually(() => this.server.messages(event).length >= count, `${count} × ${event}`);
  }

  #answer(message: ReceivedMessage, proceed: () => void): void {
    const { event, topic, payload } = message;
    const ref = topic.slice("musubi_upload:".length);
    if (event === "phx_join" && !topic.startsWith("musubi_upload:")) return proceed();
    if (event === "phx_join") {
      this.server.reply(message, "ok", { offset: this.bytes.get(ref)?.length ?? 0 });
    } else if (event === "chunk") {
      const bytes = this.bytes.get(ref) ?? [];
      bytes.push(...(payload as { bytes: number[] }).bytes);
      this.bytes.set(ref, bytes);
      const progress = Math.floor((bytes.length * 100) / (this.sizes.get(ref) ?? 1));
      this.server.reply(message, "ok", { progress });
      if (progress === 100) this.ops({ op: "complete", ref });
    } else if (event === "allow_upload") {
      this.#allow(message, payload as Announced);
    } else {
      this.server.reply(message, "ok", {});
    }
  }

  #allow(message: ReceivedMessage, { entries }: Announced): void {
    const answers: Record<string, object> = {};
    const added: object[] = [{ op: "config", config: this.config }];
    for (const { client_ref, name, size, type } of entries) {
      const ref = `e${client_ref}`;
      const answer = this.answerEntry(ref, name);
      if (answer === undefined) continue;
      answers[client_ref] = answer;
      this.sizes.set(ref, size);
      const entry: UploadEntry = {
        ref,
        client_name: name,
        client_size: size,
        client_type: type,
        progress: 0,
        status: "pending",
        errors: [],
      };
      added.push({ op: "add", ref, entry });
    }
    this.ops(...added);
    this.server.reply(message, "ok", { ref: "slot", config: this.config, entries: answers, errors: this.errors });
  }
}
