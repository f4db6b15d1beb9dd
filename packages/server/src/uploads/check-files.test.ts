import { expect, test } from "vitest";
import { refuseFile } from "./check-files.js";
import { normalizeUpload, type UploadDefinition } from "./upload-definition.js";
import { parseAllowUpload, parseEntryMessage, parseFailure, parseProgress } from "./upload-messages.js";

const slotOf = (definition: UploadDefinition) => normalizeUpload("a slot", definition);

test.each<[readonly string[], string, string, boolean]>([
  [[], "anything", "", true],
  [[".pdf"], "a.pdf", "", true],
  [[".pdf"], "A.PDF", "text/html", true],
  [[" .PDF "], "a.pdf", "", true],
  [[".pdf"], "pdf", "application/pdf", false],
  [[".pdf"], "a.pdf.exe", "", false],
  [[".tar.gz"], "a.tar.gz", "", true],
  [["text/plain"], "a", "Text/Plain; charset=utf-8", true],
  [["text/plain"], "a.txt", "text/plainer", false],
  [["image/*"], "a", "image/png", true],
  [["image/*"], "image/png", "imagery/png", false],
  [["image/*", ".mov"], "a.mov", "", true],
  [["*"], "a", "", true],
  [["*/*"], "a", "", true],
])("protocol.md 6: %j takes the file %j of type %j: %s", (accept, name, type, isTaken) => {
  const refused = refuseFile({ clientRef: "1", name, size: 1, type }, slotOf({ accept }), 0);
  expect(refused?.code).toBe(isTaken ? undefined : "not_accepted");
});

test("protocol.md 6: the size and the number that are declared are the most, not one more", () => {
  const slot = slotOf({ maxFileSize: 10, maxEntries: 2 });
  const file = (size: number) => ({ clientRef: "1", name: "a", size, type: "" });
  expect(refuseFile(file(10), slot, 1)).toBeNull();
  expect(refuseFile(file(11), slot, 1)?.code).toBe("too_large");
  expect(refuseFile(file(10), slot, 2)?.code).toBe("too_many_files");
});

test.each<UploadDefinition>([
  { maxEntries: 0 },
  { maxFileSize: 1.5 },
  { chunkSize: 4 * 1024 * 1024 + 1 },
  { chunkTimeoutMs: Number.NaN },
  { accept: ["pdf"] },
  { accept: [".pdf,.doc"] },
  { accept: [""] },
])("a slot of %j can never work", (definition) => {
  expect(() => slotOf(definition)).toThrow(expect.objectContaining({ code: "invalid_usage" }) as Error);
});

const FILE = { client_ref: "1", name: "a", size: 1, type: "" };
const SLOT = { store_id: [], name: "file" };

test.each<[(payload: unknown) => unknown, unknown]>([
  [parseAllowUpload, null],
  [parseAllowUpload, { ...SLOT }],
  [parseAllowUpload, { ...SLOT, entries: [null] }],
  [parseAllowUpload, { ...SLOT, store_id: "root", entries: [] }],
  [parseAllowUpload, { ...SLOT, name: 7, entries: [] }],
  [parseAllowUpload, { ...SLOT, entries: [FILE, FILE] }],
  [parseAllowUpload, { ...SLOT, entries: [{ ...FILE, size: -1 }] }],
  [parseAllowUpload, { ...SLOT, entries: [{ ...FILE, size: 1.5 }] }],
  [parseAllowUpload, { ...SLOT, entries: [{ ...FILE, size: "1" }] }],
  [parseAllowUpload, { ...SLOT, entries: [{ ...FILE, name: "x".repeat(1_025) }] }],
  [parseAllowUpload, { ...SLOT, entries: [{ ...FILE, type: "x".repeat(256) }] }],
  [parseAllowUpload, { ...SLOT, entries: [{ ...FILE, client_ref: 1 }] }],
  [
    parseAllowUpload,
    { ...SLOT, entries: Array.from({ length: 1_001 }, (_, at) => ({ ...FILE, client_ref: `${at}` })) },
  ],
  [parseEntryMessage, { ...SLOT }],
  [parseEntryMessage, { ...SLOT, ref: "x".repeat(256) }],
  [parseProgress, { progress: -1 }],
  [parseProgress, { progress: "50" }],
  [parseProgress, { progress: null }],
  [parseFailure, { message: "no code" }],
  [parseFailure, { code: "x", message: 7 }],
])("protocol.md 6: what has another shape is malformed_message: %o %j", (parse, payload) => {
  expect(() => parse(payload)).toThrow(expect.objectContaining({ code: "malformed_message" }) as Error);
});
