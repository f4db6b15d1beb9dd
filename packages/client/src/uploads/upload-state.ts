import { isObject, type UploadChange, type UploadConfig, type UploadEntry, type UploadError } from "@musubi/protocol";
import type { UploadSlotError } from "./upload-types.js";

/** What is known of an upload slot. Immutable, and JSON. */
export interface UploadState {
  readonly config: UploadConfig | null;
  readonly entries: readonly UploadEntry[];
  readonly errors: readonly UploadSlotError[];
  /** Selections that the server has not answered. */
  readonly selecting: number;
}

export const EMPTY_UPLOAD: UploadState = { config: null, entries: [], errors: [], selecting: 0 };

/** The end of what belonged to a life of the root that is over. */
export const INTERRUPTED: UploadError = {
  code: "interrupted",
  message: "Its root went away or began anew; select the file again.",
};

/** Whether an entry's fate is open. */
export function isOpen({ status }: UploadEntry): boolean {
  return status === "pending" || status === "uploading";
}

/** The slot after an op of the server, or of this client for what it knows first; the same object for a no-op. */
export function foldUpload(state: UploadState, op: UploadChange): UploadState {
  switch (op.op) {
    case "config":
      return { ...state, config: op.config };
    case "reset":
      return { ...state, entries: [], errors: [] };
    case "add": {
      const entry = op.entry.ref === op.ref ? op.entry : { ...op.entry, ref: op.ref };
      if (!state.entries.some(({ ref }) => ref === op.ref)) return { ...state, entries: [...state.entries, entry] };
      // The news of it may come when it is under way already.
      return changeEntry(state, op.ref, (known) => (isOpen(known) && entry.status === "pending" ? known : entry));
    }
    case "progress":
      return changeEntry(state, op.ref, (entry) =>
        isOpen(entry) ? { ...entry, status: "uploading", progress: Math.max(entry.progress, op.progress) } : entry,
      );
    case "complete":
      return changeEntry(state, op.ref, (entry) => ({ ...entry, status: "success", progress: 100 }));
    case "cancel":
      return changeEntry(state, op.ref, (entry) => ({ ...entry, status: "cancelled" }));
    case "error": {
      const error = toError(op.error);
      if (typeof op.ref !== "string") return { ...state, errors: [...state.errors, error] };
      return changeEntry(state, op.ref, (entry) => ({
        ...entry,
        status: "error",
        errors: [...entry.errors.filter(({ code }) => code !== error.code), error],
      }));
    }
  }
}

/** The slot when its root begins anew, without anything but what that interrupted (protocol.md section 3). */
export function restartUpload({ entries, selecting }: UploadState): UploadState {
  return { ...EMPTY_UPLOAD, selecting, entries: entries.map(interrupted).filter(isInterrupted) };
}

function interrupted(entry: UploadEntry): UploadEntry {
  return isOpen(entry) ? { ...entry, status: "error", errors: [...entry.errors, INTERRUPTED] } : entry;
}

function isInterrupted({ status, errors }: UploadEntry): boolean {
  return status === "error" && errors.at(-1)?.code === INTERRUPTED.code;
}

function changeEntry(state: UploadState, ref: string, change: (entry: UploadEntry) => UploadEntry): UploadState {
  const at = state.entries.findIndex((entry) => entry.ref === ref);
  const entry = state.entries[at];
  const next = entry === undefined ? undefined : change(entry);
  if (next === undefined || next === entry) return state;
  return { ...state, entries: state.entries.with(at, next) };
}

/** Servers say why in an object, older ones by a code alone. */
function toError(error: unknown): UploadError {
  const { code, message } = isObject(error) ? error : { code: error, message: undefined };
  const known = { code: typeof code === "string" ? code : "internal" };
  return typeof message === "string" ? { ...known, message } : known;
}
