import { ALLOW_UPLOAD, type JsonObject, MusubiError, type StoreId, UPLOAD_PROGRESS } from "@musubi/protocol";
import type { Root } from "../stores/root.js";
import type { UploadService } from "./upload-service.js";

/** A file for a slot, as a test has it. */
export interface TestFile {
  readonly name: string;
  /** The media type. Default `""`. */
  readonly type?: string;
  readonly content: string | Uint8Array;
}

/**
 * Sends a file to a slot as a client would, without a socket: announced, then in chunks, or reported as sent elsewhere.
 * Resolves with the entry's ref when the news of it has been sent; rejects with `preflight_rejected`, the slot's reasons
 * in `details`.
 */
export async function sendFile(
  root: Root,
  service: UploadService,
  slot: { readonly store_id: StoreId; readonly name: string },
  { name, type = "", content }: TestFile,
): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const ask = (event: string, message: object): Promise<JsonObject> =>
    new Promise((resolve, reject) => {
      const answer = (status: "ok" | "error", response: JsonObject): void => {
        // Once the message is through, what it made is there.
        queueMicrotask(() => (status === "ok" ? resolve(response) : reject(refused(name, response))));
      };
      root.upload(event, { ...slot, ...message }, "", () => answer);
    });
  const reply = await ask(ALLOW_UPLOAD, { entries: [{ client_ref: "1", name, size: bytes.length, type }] });
  const { entries, errors, config } = reply as {
    readonly entries: Readonly<Record<string, { readonly entry_ref: string }>>;
    readonly errors: readonly JsonObject[];
    readonly config: { readonly chunk_size: number };
  };
  const ref = entries["1"]?.entry_ref;
  const entry = ref === undefined ? undefined : service.find(ref);
  if (ref === undefined || entry === undefined) throw refused(name, { errors });
  if (entry.isChannel) {
    const channel = { end() {} };
    await entry.join(channel);
    for (let at = 0; at < bytes.length; at += config.chunk_size) {
      await entry.chunk(channel, bytes.subarray(at, at + config.chunk_size));
    }
  } else await ask(UPLOAD_PROGRESS, { ref, progress: 100 });
  await root.handled();
  return ref;
}

function refused(name: string, details: JsonObject): MusubiError {
  const why = JSON.stringify(details);
  return new MusubiError("preflight_rejected", `the file "${name}" was not taken: ${why}`, { details });
}
