import { isObject, type JsonValue } from "./json.js";

/** The key of a stream marker: where a stream is placed in the tree (protocol.md section 4). */
export const STREAM_KEY = "__musubi_stream__";

/** The key of an upload marker: where an upload slot is placed in the tree (protocol.md section 4). */
export const UPLOAD_KEY = "__musubi_upload__";

/** `{ "__musubi_stream__": name }`; the items live in a table keyed by store and name. */
export interface StreamMarker {
  readonly [STREAM_KEY]: string;
}

/** `{ "__musubi_upload__": name }`. */
export interface UploadMarker {
  readonly [UPLOAD_KEY]: string;
}

/** Whether `value` marks where a stream is placed. */
export function isStreamMarker(value: unknown): value is StreamMarker {
  return isObject(value) && typeof value[STREAM_KEY] === "string";
}

/** Whether `value` marks where an upload slot is placed. */
export function isUploadMarker(value: unknown): value is UploadMarker {
  return isObject(value) && typeof value[UPLOAD_KEY] === "string";
}

/** The marker of the stream called `name`. */
export function streamMarker(name: string): { readonly [STREAM_KEY]: JsonValue } {
  return { [STREAM_KEY]: name };
}
