import type { UploadError } from "@musubi/protocol";
import type { EntryAnswer } from "./preflight.js";
import type { UploadOutbox } from "./upload-outbox.js";
import type { UploadHost } from "./upload-root.js";

/** What an entry's answer asks for. */
export type AnswerOf<Type extends EntryAnswer["type"]> = Extract<EntryAnswer, { readonly type: Type }>;

/** A file to send, and what is told of it meanwhile. Nothing follows `onEnd`. */
export interface Transfer<Type extends EntryAnswer["type"] = EntryAnswer["type"]> {
  readonly host: UploadHost;
  readonly ref: string;
  readonly file: Blob;
  readonly answer: AnswerOf<Type>;
  /** What the server takes at once, if it says so. */
  readonly chunkBytes: number | null | undefined;
  /** A whole number from 0 to 100. */
  readonly onProgress: (percent: number) => void;
  /** Without an error the file is there. */
  readonly onEnd: (error?: UploadError) => void;
  readonly outbox: UploadOutbox;
  /** What every message about it begins with. */
  readonly message: object;
}

/** Begins to send a file; returns what ends it without a word to its owner. */
export type Send<Type extends EntryAnswer["type"]> = (transfer: Transfer<Type>) => () => void;
