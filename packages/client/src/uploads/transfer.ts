import type { UploadError } from "@musubi/protocol";
import type { LinkAnswer } from "../connection/root-link.js";
import type { EntryAnswer } from "./preflight.js";
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
  /** Tells the server now, if it can be told. */
  readonly push: (event: string, payload: object) => void;
  /** Tells the server as soon as it can be told, until it answers. */
  readonly tell: (event: string, payload: object, answer?: (answer: LinkAnswer | undefined) => void) => void;
}

/** Begins to send a file; returns what ends it without a word to its owner. */
export type Send<Type extends EntryAnswer["type"]> = (transfer: Transfer<Type>) => () => void;
