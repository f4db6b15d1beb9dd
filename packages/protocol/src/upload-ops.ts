import type { JsonValue } from "./json.js";
import type { StoreId } from "./store-id.js";

/** What an upload slot accepts (protocol.md section 6). Sizes in bytes. */
export interface UploadConfig {
  /** File extensions (`.pdf`) and media types (`image/*`); `null` or empty accepts any. */
  readonly accept?: readonly string[] | string | null;
  readonly max_entries?: number | null;
  readonly max_file_size?: number | null;
  readonly chunk_size?: number | null;
  /** Whether a file goes out as soon as it is selected. */
  readonly auto_upload?: boolean | null;
  readonly [member: string]: unknown;
}

/** Why an upload failed: a code of protocol.md section 6 and a sentence for people. */
export interface UploadError {
  readonly code: string;
  readonly message?: string;
}

/** Where an entry stands (protocol.md section 6). */
export type UploadStatus = "pending" | "uploading" | "success" | "error" | "cancelled";

/** One file of an upload slot as it travels (protocol.md section 6). */
export interface UploadEntry {
  /** The server's name for it (`entry_ref`), at most 200 bytes. */
  readonly ref: string;
  readonly client_name: string;
  /** In bytes. */
  readonly client_size: number;
  readonly client_type: string;
  /** 0 to 100. */
  readonly progress: number;
  readonly status: UploadStatus;
  readonly errors: readonly UploadError[];
}

/** What an {@link UploadOp} changes in its slot. */
export type UploadChange =
  | { readonly op: "config"; readonly config: UploadConfig }
  | { readonly op: "add"; readonly ref: string; readonly entry: UploadEntry }
  | { readonly op: "progress"; readonly ref: string; readonly progress: number }
  | { readonly op: "complete" | "cancel"; readonly ref: string }
  | { readonly op: "error"; readonly ref?: string | null; readonly error: JsonValue }
  | { readonly op: "reset" };

/** One change of an upload slot of a store (protocol.md section 6). */
export type UploadOp = UploadChange & {
  readonly upload: string;
  readonly store_id: StoreId;
  readonly [member: string]: unknown;
};
