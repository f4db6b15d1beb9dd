import type { JsonValue, UploadConfig, UploadEntry, UploadError } from "@musubi/protocol";
import type { Unsubscribe } from "../observable.js";

/** Why a slot did not take what was selected. `client_name` is the file's, when it was about one file. */
export interface UploadSlotError extends UploadError {
  readonly client_name?: string;
}

/**
 * How an upload slot stands: `uploading` while bytes go out, else `pending` while a file waits for its server or for
 * `start`, else `error` when a file or a selection failed, else `success` when a file is there, else `idle`.
 */
export type UploadSlotStatus = "idle" | "pending" | "uploading" | "success" | "error";

/** A file that was not taken, and why: a code of protocol.md section 6. */
export interface RejectedFile {
  readonly file: Blob;
  readonly code: string;
  readonly message: string;
}

/** What came of a selection. */
export interface UploadSelection {
  /** The refs of the entries that were made, in the order of the files. */
  readonly accepted: readonly string[];
  readonly rejected: readonly RejectedFile[];
}

/** How files are selected. */
export interface SelectOptions {
  /** Whether each file is sent as soon as the server has taken it; default: the slot's `auto_upload`, else it waits. */
  readonly autoStart?: boolean;
}

/** What can be read of an upload slot at one moment. */
export interface UploadSnapshot {
  /** The slot's name in its store. */
  readonly name: string;
  /** What the server takes here; `null` until it has said so. */
  readonly config: UploadConfig | null;
  readonly status: UploadSlotStatus;
  /** The files, in the order they were added; the same array until something in it changes. */
  readonly entries: readonly UploadEntry[];
  /** Why files of the last selection were not taken; the same array until it changes. */
  readonly errors: readonly UploadSlotError[];
  /** 0 to 100: how much of the bytes of all files that have not failed is there. */
  readonly progress: number;
  readonly isIdle: boolean;
  readonly isPending: boolean;
  readonly isUploading: boolean;
  readonly isSuccess: boolean;
  readonly isError: boolean;
}

/**
 * An upload slot of a store (client.md rule 16): the identical object for as long as the store is in the tree, which
 * reads as it is now. What changes in it touches the store: its listeners fire and its snapshot is a new one.
 *
 * Nothing here rejects because a file or the network failed: that shows in `entries`, `errors` and `status`.
 */
export interface UploadHandle extends UploadSnapshot {
  /** The slot as an immutable plain value: the identical object until something in it changes. */
  snapshot(): UploadSnapshot;
  /** Calls `listener` after every change of the slot's store, the store's leaving included. */
  subscribe(listener: () => void): Unsubscribe;
  /**
   * Checks files against `config` and announces those that pass to the server, once the root is live. They wait for
   * `start`, unless `autoStart` or the slot's own config says otherwise. Rejects with `invalid_usage` for what is no file.
   */
  select(files: Blob | Iterable<Blob> | ArrayLike<Blob>, options?: SelectOptions): Promise<UploadSelection>;
  /** Sends what is pending, also of selections that are still being announced. Resolves when all of that has ended. */
  start(): Promise<void>;
  /** Cancels an entry, or all that are not finished, here and on the server. */
  cancel(ref?: string): Promise<void>;
  /** Cancels what is not finished, and clears entries and errors from this view. */
  reset(): Promise<void>;
}

/** A file for an {@link ExternalUploader} to send. */
export interface ExternalUpload {
  readonly file: Blob;
  readonly ref: string;
  /** The file's name. */
  readonly name: string;
  /** What the server said on where to send it, such as a signed URL. */
  readonly meta: JsonValue;
  /** Aborted when the entry is cancelled, or can no longer be of use. */
  readonly signal: AbortSignal;
  /** Reports progress, 0 to 100. The server hears of it a few times a second, and of 100 only at the end. */
  readonly onProgress: (percent: number) => void;
}

/**
 * Sends a file elsewhere, such as to an object store. The entry succeeds when what this returns resolves; rejecting
 * or throwing fails it with `external_failed`.
 */
export type ExternalUploader = (upload: ExternalUpload) => unknown;
