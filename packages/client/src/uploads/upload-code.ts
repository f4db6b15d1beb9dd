import { type Envelope, readEnvelope } from "@musubi/protocol";
import type { UploadTable } from "./upload-table.js";

/**
 * The code that reads uploads is a chunk of its own, loaded when the first envelope comes that needs it: whoever gets
 * one waits with what came, so that reads of a tree never have to.
 */
let Table: typeof UploadTable | undefined;
let loading: Promise<void> | undefined;

/** What reads uploads; `undefined` until it is loaded. */
export function uploadTable(): typeof Table {
  return Table;
}

/**
 * Loads what reading uploads takes, which the first tree with an upload slot does by itself and waits for. A page that
 * shows such a tree from a cache or a server's render awaits this before, to show it at once. Rejects when it cannot be
 * loaded; the next call tries again.
 */
export function loadUploads(): Promise<void> {
  // One for all who wait, so that they go on in the order in which they came.
  loading ??= import("./upload-table.js").then(
    (loaded) => {
      Table = loaded.UploadTable;
    },
    (cause: unknown) => {
      loading = undefined;
      throw cause;
    },
  );
  return loading;
}

/** Reads an envelope as `parseEnvelope` does; `undefined` for one with uploads before `loadUploads`. */
export function readableEnvelope(payload: unknown): Envelope | undefined {
  let isReadable = true;
  const envelope = readEnvelope(payload, (op) => {
    if (Table === undefined) isReadable = false;
    return op === undefined || Table?.isOp(op) !== false;
  });
  return isReadable ? envelope : undefined;
}
