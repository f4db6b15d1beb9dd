import type { UploadEntry, UploadOp } from "@musubi/protocol";
import { describe, expect, test } from "vitest";
import { EMPTY_UPLOAD, foldUpload, restartUpload, type UploadState } from "./upload-state.js";

const entry = (ref: string, change: Partial<UploadEntry> = {}): UploadEntry => ({
  ref,
  client_name: `${ref}.txt`,
  client_size: 10,
  client_type: "text/plain",
  progress: 0,
  status: "pending",
  errors: [],
  ...change,
});

const fold = (ops: readonly object[], from: UploadState = EMPTY_UPLOAD): UploadState =>
  ops.reduce<UploadState>(
    (state, op) => foldUpload(state, { upload: "u", store_id: [], ...op } as unknown as UploadOp),
    from,
  );

const add = (ref: string, change?: Partial<UploadEntry>) => ({ op: "add", ref, entry: entry(ref, change) });
const brief = ({ entries }: UploadState) =>
  entries.map(({ ref, status, progress, errors }) => [ref, status, progress, ...errors.map(({ code }) => code)]);

describe("protocol.md 6: upload ops", () => {
  test("config, and entries in the order they were added, each with its own fate", () => {
    const state = fold([
      { op: "config", config: { max_entries: 4 } },
      ...["a", "b", "c", "d"].map((ref) => add(ref)),
      { op: "progress", ref: "a", progress: 40 },
      { op: "complete", ref: "b" },
      { op: "error", ref: "c", error: { code: "too_large", message: "No." } },
      { op: "cancel", ref: "d" },
    ]);
    expect(state.config).toEqual({ max_entries: 4 });
    expect(brief(state)).toEqual([
      ["a", "uploading", 40],
      ["b", "success", 100],
      ["c", "error", 0, "too_large"],
      ["d", "cancelled", 0],
    ]);
  });

  test("an error without a ref is the slot's, also one that is a code alone; reset leaves the config", () => {
    const ops = [
      { op: "config", config: {} },
      add("a"),
      { op: "error", error: "too_many_files" },
      { op: "error", ref: null, error: { message: "?" } },
    ];
    expect(fold(ops).errors).toEqual([{ code: "too_many_files" }, { code: "internal", message: "?" }]);
    expect(fold([...ops, { op: "reset" }])).toEqual({ ...EMPTY_UPLOAD, config: {} });
  });

  test("progress never goes back, nor reopens what has ended", () => {
    const ops = [add("a"), { op: "progress", ref: "a", progress: 60 }, { op: "progress", ref: "a", progress: 30 }];
    expect(brief(fold(ops))).toEqual([["a", "uploading", 60]]);
    for (const end of ["complete", "cancel"]) {
      const ended = fold([...ops, { op: end, ref: "a" }]);
      expect(fold([{ op: "progress", ref: "a", progress: 99 }], ended)).toBe(ended);
    }
  });

  test("an entry that is under way is not put back by the news of it; one that had ended is", () => {
    const under = fold([add("a"), { op: "progress", ref: "a", progress: 60 }]);
    expect(fold([add("a")], under)).toBe(under);
    expect(brief(fold([{ op: "cancel", ref: "a" }, add("a")], under))).toEqual([["a", "pending", 0]]);
    expect(brief(fold([add("a", { status: "success", progress: 100 })], under))).toEqual([["a", "success", 100]]);
  });

  test("ops of unknown refs change nothing; what an op does not touch stays identical", () => {
    const state = fold([add("a"), add("b")]);
    for (const op of ["progress", "complete", "cancel", "error"]) {
      expect(fold([{ op, ref: "x", progress: 1, error: "x" }], state)).toBe(state);
    }
    const next = fold([{ op: "complete", ref: "a" }], state);
    expect(next.entries[1]).toBe(state.entries[1]);
  });
});

test("protocol.md 3: a root that begins anew starts without uploads, but for what that interrupted", () => {
  const state = fold([
    { op: "config", config: {} },
    ...["a", "b", "c", "d", "e"].map((ref) => add(ref)),
    { op: "progress", ref: "b", progress: 50 },
    { op: "complete", ref: "c" },
    { op: "cancel", ref: "d" },
    { op: "error", ref: "e", error: "too_large" },
    { op: "error", error: "too_many_files" },
  ]);
  const restarted = restartUpload(state);
  expect(brief(restarted)).toEqual([
    ["a", "error", 0, "interrupted"],
    ["b", "error", 50, "interrupted"],
  ]);
  expect(restarted).toMatchObject({ config: null, errors: [] });
  expect(brief(restartUpload(restarted))).toEqual(brief(restarted));
});
