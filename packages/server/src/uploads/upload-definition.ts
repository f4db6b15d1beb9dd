import { type JsonValue, MusubiError, type UploadConfig } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import type { None } from "../stores/none.js";
import type { User } from "../user.js";

/** A file as its client describes it. The name is the client's: no path, and never to be used as one. */
export interface UploadFile {
  /** The server's name for it, random. */
  readonly ref: string;
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** The media type, as the client's system guesses it; may be empty. */
  readonly type: string;
}

/** A file that has arrived at this server. */
export interface UploadedFile extends UploadFile {
  /** Where its bytes are; the file goes when the message that consumes it has succeeded. */
  readonly path: string;
}

/** Where a client has to send a file itself, by one of the uploaders that it gave to `connect`. */
export interface ExternalTarget {
  readonly uploader: string;
  /** What the uploader needs, such as a signed URL. */
  readonly meta: JsonValue;
}

/** A file that its client says it has sent elsewhere. Whether that is so, the target knows. */
export interface UploadedElsewhere extends UploadFile, ExternalTarget {}

/** What {@link UploadDefinition.presign} gets beside the file. */
export interface PresignContext {
  readonly user: User;
  readonly logger: Logger;
  /** Aborted when it takes too long, or its root ends. */
  readonly signal: AbortSignal;
}

/** A slot of a store that clients can send files to. */
export interface UploadDefinition {
  /** Extensions (`.pdf`) and media types (`image/*`), as for a file input. Default: any file. */
  readonly accept?: readonly string[];
  /** Files that can be under way or wait to be consumed at once. Default 1. */
  readonly maxEntries?: number;
  /** In bytes. Default 8 000 000. */
  readonly maxFileSize?: number;
  /** Bytes of a chunk, 1 to 4 MiB. Default 64 000. */
  readonly chunkSize?: number;
  /** How long the next chunk may take, in milliseconds. Default 30 000; past it the file has failed. */
  readonly chunkTimeoutMs?: number;
  /** Tells clients, as `config.auto_upload`, that files are to be sent as soon as they are selected. Default `false`. */
  readonly autoUpload?: boolean;
  /**
   * Makes this slot an external one: says where the client is to send a file. A `Rejection` refuses that file with its
   * reason as the code.
   */
  presign?(file: UploadFile, context: PresignContext): ExternalTarget | Promise<ExternalTarget>;
}

/** The slots of a store as contexts see them; `never` is what is not inferred yet. */
export type UploadsOf<Uploads> = [Uploads] extends [never] ? None : Uploads;

/** What a slot hands to `consumeUploadedEntries`. */
export type Uploaded<Definition> = Definition extends { presign(...args: never): unknown }
  ? UploadedElsewhere
  : UploadedFile;

/** A slot with its defaults, and what its clients are told of it. */
export interface UploadSlot {
  readonly config: UploadConfig;
  readonly accept: readonly string[];
  readonly maxEntries: number;
  readonly maxFileSize: number;
  readonly chunkSize: number;
  readonly chunkTimeoutMs: number;
  /** Without its types: whose user a context has, the app says. */
  readonly presign: ((file: UploadFile, context: unknown) => unknown) | null;
}

/** The most that clients hold of a file at once (protocol.md section 6). */
const MAX_CHUNK_BYTES = 4 * 1024 * 1024;

/** A slot with its defaults. Throws `invalid_usage` for what can never work; `label` names it there. */
export function normalizeUpload(label: string, definition: UploadDefinition): UploadSlot {
  const { maxEntries = 1, maxFileSize = 8_000_000, chunkSize = 64_000, chunkTimeoutMs = 30_000 } = definition;
  const accept = (definition.accept ?? []).map((pattern) => pattern.trim().toLowerCase());
  for (const [option, value, most] of [
    ["maxEntries", maxEntries, Number.MAX_SAFE_INTEGER],
    ["maxFileSize", maxFileSize, Number.MAX_SAFE_INTEGER],
    ["chunkSize", chunkSize, MAX_CHUNK_BYTES],
    ["chunkTimeoutMs", chunkTimeoutMs, 2 ** 31 - 1],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= 1 && value <= most) continue;
    throw new MusubiError("invalid_usage", `${label}: ${option} is an integer from 1 to ${most}, not ${value}`);
  }
  const wrong = accept.find((pattern) => !/^(\.[^\s.,][^\s,]*|\*|[^\s/,]+\/[^\s/,]+)$/.test(pattern));
  if (wrong !== undefined) {
    throw new MusubiError("invalid_usage", `${label}: accept has "${wrong}": write ".pdf", "image/png" or "image/*"`);
  }
  return {
    accept,
    maxEntries,
    maxFileSize,
    chunkSize,
    chunkTimeoutMs,
    presign: (definition.presign?.bind(definition) as UploadSlot["presign"] | undefined) ?? null,
    config: {
      accept: accept.length === 0 ? null : accept,
      max_entries: maxEntries,
      max_file_size: maxFileSize,
      chunk_size: chunkSize,
      ...(definition.autoUpload === true ? { auto_upload: true } : {}),
    },
  };
}
