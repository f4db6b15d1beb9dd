import { isObject, isStoreId, MusubiError, storeIdKey } from "@musubi/protocol";

/** Which slot of which store a message of a client is about (protocol.md section 6). */
export interface SlotAddress {
  /** The store's id as a key. */
  readonly storeKey: string;
  readonly slotName: string;
}

/** One file as `allow_upload` announces it. */
export interface AnnouncedFile {
  readonly clientRef: string;
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

/** Files that one message can announce; more are malformed. */
const MAX_ANNOUNCED = 1_000;

/** Longest texts that are taken of a client, in UTF-16 units. */
const MAX_NAME = 1_024;
const MAX_TEXT = 255;

/** The payload of an `allow_upload`, checked. Throws `malformed_message`, as the others here do. */
export function parseAllowUpload(payload: unknown): SlotAddress & { readonly files: readonly AnnouncedFile[] } {
  const { entries } = membersOf(payload);
  if (!Array.isArray(entries) || entries.length > MAX_ANNOUNCED) throw malformed("entries, a list");
  const files = entries.map((entry: unknown) => {
    const { client_ref, name, size, type } = membersOf(entry);
    if (!isText(client_ref, MAX_TEXT) || !isText(name, MAX_NAME) || !isText(type, MAX_TEXT)) {
      throw malformed("entries with a client_ref, a name and a type");
    }
    if (!Number.isSafeInteger(size) || (size as number) < 0) throw malformed("entries with a size in bytes");
    return { clientRef: client_ref, name, size: size as number, type };
  });
  if (new Set(files.map(({ clientRef }) => clientRef)).size < files.length) throw malformed("each client_ref once");
  return { ...parseAddress(payload), files };
}

/** The payload of a message about one entry. */
export function parseEntryMessage(payload: unknown): SlotAddress & { readonly ref: string } {
  const { ref } = membersOf(payload);
  if (!isText(ref, MAX_TEXT)) throw malformed("ref, a string");
  return { ...parseAddress(payload), ref };
}

/** How far an external upload has come: a number from 0 to 100. */
export function parseProgress(payload: unknown): number {
  const { progress } = membersOf(payload);
  if (typeof progress === "number" && progress >= 0 && progress <= 100) return Math.floor(progress);
  throw malformed("progress, 0 to 100");
}

/** Why an external upload has failed, in the words of the client, for that client's own eyes. */
export function parseFailure(payload: unknown): { readonly code: string; readonly message: string } {
  const { code, message = "" } = membersOf(payload);
  if (!isText(code, MAX_TEXT) || typeof message !== "string") throw malformed("code and message, strings");
  return { code, message: message.slice(0, MAX_NAME) };
}

function parseAddress(payload: unknown): SlotAddress {
  const { store_id, name } = membersOf(payload);
  if (!isStoreId(store_id)) throw malformed("store_id, an array of strings");
  if (!isText(name, MAX_TEXT)) throw malformed("name, a string");
  return { storeKey: storeIdKey(store_id), slotName: name };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw malformed("an object");
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value.length <= most;
}

function malformed(expected: string): MusubiError {
  return new MusubiError("malformed_message", `a message about an upload has the wrong shape: send ${expected}`);
}
