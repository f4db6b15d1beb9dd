import { describe, expect, it } from "vitest";
import { isUploadOp } from "./is-upload-op.js";

const ENTRY = {
  ref: "e1",
  client_name: "a.pdf",
  client_size: 3,
  client_type: "application/pdf",
  progress: 0,
  status: "pending",
  errors: [],
};

/** One good op of each kind, with no member that it could do without. */
const OPS = [
  { op: "config", config: {} },
  { op: "add", ref: "e1", entry: ENTRY },
  { op: "progress", ref: "e1", progress: 50 },
  { op: "complete", ref: "e1" },
  { op: "cancel", ref: "e1" },
  { op: "error", error: "too_large" },
  { op: "reset" },
].map((op) => ({ ...op, upload: "u", store_id: ["a"] }));

const isRefused = (op: object): boolean => !isUploadOp(op as Readonly<Record<string, unknown>>);

describe.each(OPS)("protocol.md 6: an upload op $op", (good) => {
  it("is good as it is, and with members that nobody knows", () => {
    expect(isRefused(good)).toBe(false);
    expect(isRefused({ ...good, more: [1] })).toBe(false);
  });

  it.each(Object.keys(good))("is refused without its %s, and with one of another type", (member) => {
    const { [member]: _left, ...rest } = good as Record<string, unknown>;
    expect(isRefused(rest)).toBe(true);
    // Whatever says why is an error.
    if (member === "error") return;
    for (const value of [null, true, member === "progress" ? "50" : 50, [1], "constructor"]) {
      const isNamed = typeof value === "string" && (member === "ref" || member === "upload");
      if (!isNamed) expect(isRefused({ ...rest, [member]: value }), JSON.stringify(value)).toBe(true);
    }
  });
});

it.each(Object.keys(ENTRY))(
  "protocol.md 6: an entry is refused without its %s, and with one of another type",
  (member) => {
    const add = (entry: unknown) => ({ op: "add", upload: "u", store_id: [], ref: "e1", entry });
    const { [member]: _left, ...rest } = ENTRY as Record<string, unknown>;
    expect(isRefused(add(rest))).toBe(true);
    for (const value of [null, true, {}]) expect(isRefused(add({ ...rest, [member]: value }))).toBe(true);
    expect(isRefused(add([]))).toBe(true);
  },
);

it("protocol.md 6: an error names an entry or none", () => {
  const error = { op: "error", upload: "u", store_id: [], error: { code: "internal" } };
  for (const ref of ["e1", null, undefined]) expect(isRefused({ ...error, ref })).toBe(false);
  for (const ref of [5, [], {}]) expect(isRefused({ ...error, ref })).toBe(true);
});
