import { isObject, type JsonValue, type UploadConfig } from "@musubi/protocol";
import { readUploadError } from "./upload-error.js";

/** How the server wants one file (protocol.md section 6). */
export type EntryAnswer =
  | { readonly type: "channel"; readonly entry_ref: string; readonly token: unknown }
  | { readonly type: "external"; readonly entry_ref: string; readonly uploader: string; readonly meta: JsonValue };

type ReadError = ReturnType<typeof readUploadError>;

/** The answer to `allow_upload`. */
export interface Preflight {
  readonly config: UploadConfig | undefined;
  /** How the server wants a file, or why not. `clientRef` is what the client called it. */
  readonly answerFor: (clientRef: string) => EntryAnswer | ReadError;
  /** What was about no file in particular. */
  readonly errors: readonly ReadError[];
}

/** Longest `entry_ref`, in characters: it is part of a topic, which binary frames limit. */
const MAX_REF_LENGTH = 200;

/** Reads the ok reply to `allow_upload`; what has another shape counts as refused. */
export function readPreflight(response: unknown): Preflight {
  const { config, entries, errors } = isObject(response) ? response : {};
  const list: readonly unknown[] = Array.isArray(errors) ? errors : [];
  return {
    config: isObject(config) ? config : undefined,
    answerFor: (clientRef) => {
      const answer = isObject(entries) ? entries[clientRef] : undefined;
      return isAnswer(answer) ? answer : read(list.find((error) => refOf(error) === clientRef));
    },
    errors: list.filter((error) => refOf(error) === undefined).map(read),
  };
}

function isAnswer(answer: unknown): answer is EntryAnswer {
  if (!isObject(answer)) return false;
  const { type, entry_ref, uploader } = answer;
  if (typeof entry_ref !== "string" || entry_ref.length > MAX_REF_LENGTH) return false;
  return type === "channel" || (type === "external" && typeof uploader === "string");
}

function refOf(error: unknown): unknown {
  return isObject(error) ? (error["ref"] ?? undefined) : undefined;
}

function read(error: unknown = {}): ReadError {
  return readUploadError(error, "preflight_rejected");
}
