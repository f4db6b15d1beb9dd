import { describe, expect, it } from "vitest";
import { parseEnvelope, readEnvelope } from "./envelope.js";
import { MusubiError } from "./musubi-error.js";
import { deepFreeze, Random, randomOp, randomValue } from "./random-json.test.util.js";

const ENTRY = {
  ref: "e1",
  client_name: "a.pdf",
  client_size: 3,
  client_type: "application/pdf",
  progress: 0,
  status: "pending",
  errors: [],
};

/** An envelope with one of everything. */
function full(): Record<string, unknown> {
  return {
    type: "patch",
    root_id: "r",
    base_version: 3,
    version: 4,
    epoch: "e",
    ops: [
      { op: "replace", path: "/a", value: { b: [1, null, "x"] } },
      { op: "add", path: "/list/-", value: 1 },
      { op: "remove", path: "/c" },
    ],
    stream_ops: [
      { op: "reset", stream: "s", ref: "0", store_id: [] },
      { op: "insert", stream: "s", ref: "0", store_id: ["a"], item_key: "k", at: -1, item: { n: 1 }, limit: null },
      { op: "insert", stream: "s", store_id: ["a"], item_key: "k", at: 2, item: null, limit: -5 },
      { op: "delete", stream: "s", ref: null, store_id: ["a"], item_key: "k" },
    ],
    upload_ops: [
      { op: "config", upload: "u", store_id: [], config: { max_entries: 1 } },
      { op: "add", upload: "u", store_id: [], ref: "e1", entry: ENTRY },
      { op: "progress", upload: "u", store_id: [], ref: "e1", progress: 50 },
      { op: "complete", upload: "u", store_id: [], ref: "e1" },
      { op: "error", upload: "u", store_id: [], ref: "e1", error: { code: "too_large", message: "Too large." } },
      { op: "error", upload: "u", store_id: [], error: "too_many_files" },
      { op: "cancel", upload: "u", store_id: [], ref: "e1" },
      { op: "reset", upload: "u", store_id: [] },
    ],
    events: [
      { name: "toast", payload: { text: "hi" }, store_id: ["a"] },
      { name: "ping", payload: null },
    ],
  };
}

const plain = (rest: object): unknown => ({
  type: "patch",
  root_id: "r",
  base_version: 0,
  version: 1,
  ops: [],
  stream_ops: [],
  ...rest,
});

function refusalOf(payload: unknown): unknown {
  try {
    parseEnvelope(payload);
  } catch (error) {
    return error;
  }
  return "accepted";
}

function nestedText(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

describe("parseEnvelope", () => {
  it("protocol.md 3: returns a good envelope as it is, copying and changing nothing", () => {
    const payload = deepFreeze(full());
    expect(parseEnvelope(payload)).toBe(payload);
  });

  it("protocol.md 2: ignores unknown members everywhere", () => {
    const payload = full();
    for (const member of ["ops", "stream_ops", "upload_ops", "events"]) {
      payload[member] = (payload[member] as object[]).map((entry) => ({ ...entry, later: { a: 1 } }));
    }
    payload["later"] = true;
    expect(parseEnvelope(payload)).toBe(payload);
  });

  it("protocol.md 3: upload_ops, events and epoch may be missing; a missing stream_ops is empty", () => {
    const { upload_ops: _u, events: _e, epoch: _p, stream_ops: _s, ...rest } = full();
    expect(parseEnvelope(rest)).toEqual({ ...rest, stream_ops: [] });
    const nulls = { ...rest, stream_ops: null, upload_ops: null, events: null, epoch: null };
    expect(parseEnvelope(nulls)).toEqual({ ...rest, stream_ops: [] });
    expect(Object.keys(parseEnvelope(nulls))).not.toContain("epoch");
  });

  it.each([
    [null],
    [undefined],
    ["patch"],
    [[]],
    [{}],
    [plain({ type: "snapshot" })],
    [plain({ root_id: 1 })],
    [plain({ base_version: -1 })],
    [plain({ base_version: 0.5 })],
    [plain({ version: "1" })],
    [plain({ version: 2 ** 53 })],
    [plain({ ops: undefined })],
    [plain({ ops: {} })],
    [plain({ ops: [null] })],
    [plain({ ops: [{ op: "test", path: "", value: 1 }] })],
    [plain({ ops: [{ op: "add", path: "/a" }] })],
    [plain({ ops: [{ op: "remove", path: ["a"] }] })],
    [plain({ ops: [{ op: "add", path: "/a", value: JSON.parse('{"b":[{"__proto__":1}]}') as unknown }] })],
    [plain({ stream_ops: {} })],
    [plain({ stream_ops: [null] })],
    [plain({ stream_ops: [{ op: "move", stream: "s", store_id: [], item_key: "k" }] })],
    [plain({ stream_ops: [{ op: "reset", stream: 1, store_id: [] }] })],
    [plain({ stream_ops: [{ op: "reset", stream: "s", store_id: "a" }] })],
    [plain({ stream_ops: [{ op: "reset", stream: "s", store_id: [1] }] })],
    [plain({ stream_ops: [{ op: "delete", stream: "s", store_id: [], item_key: 1 }] })],
    [
      plain({
        stream_ops: [{ op: "insert", stream: "s", store_id: [], item_key: "k", at: 0.5, item: 1, limit: null }],
      }),
    ],
    [plain({ stream_ops: [{ op: "insert", stream: "s", store_id: [], item_key: "k", at: 0, item: 1, limit: "5" }] })],
    [plain({ stream_ops: [{ op: "insert", stream: "s", store_id: [], item_key: "k", at: 0, limit: null }] })],
    [plain({ upload_ops: 1 })],
    [plain({ upload_ops: [1] })],
    [plain({ upload_ops: [{ op: "start", upload: "u", store_id: [] }] })],
    [plain({ upload_ops: [{ op: "reset", store_id: [] }] })],
    [plain({ upload_ops: [{ op: "reset", upload: "u" }] })],
    [plain({ upload_ops: [{ op: "config", upload: "u", store_id: [] }] })],
    [plain({ upload_ops: [{ op: "add", upload: "u", store_id: [], ref: "r" }] })],
    [plain({ upload_ops: [{ op: "add", upload: "u", store_id: [], ref: "r", entry: { ...ENTRY, status: "odd" } }] })],
    [plain({ upload_ops: [{ op: "progress", upload: "u", store_id: [], ref: "r", progress: "5" }] })],
    [plain({ upload_ops: [{ op: "complete", upload: "u", store_id: [] }] })],
    [plain({ upload_ops: [{ op: "error", upload: "u", store_id: [], ref: 5, error: "x" }] })],
    [plain({ events: {} })],
    [plain({ events: [null] })],
    [plain({ events: [{ name: "a" }] })],
    [plain({ events: [{ payload: 1 }] })],
    [plain({ events: [{ name: "a", payload: 1, store_id: "s" }] })],
    [plain({ epoch: 7 })],
  ])("protocol.md 3: %j is malformed_envelope", (payload) => {
    expect(refusalOf(payload)).toMatchObject({ name: "MusubiError", code: "malformed_envelope" });
  });

  it("RFC 6901: a path that does not begin with / is invalid_pointer", () => {
    expect(refusalOf(plain({ ops: [{ op: "add", path: "a", value: 1 }] }))).toMatchObject({ code: "invalid_pointer" });
  });

  it.each(["ops", "stream_ops", "upload_ops", "events"])(
    "protocol.md 3: a value of more than 256 levels in %s is too_deep, however deep",
    (member) => {
      const withValue = (value: unknown): unknown => {
        const entries = {
          ops: { op: "add", path: "/a", value },
          stream_ops: { op: "insert", stream: "s", store_id: [], item_key: "k", at: 0, item: value, limit: null },
          // An upload op is bounded as a whole.
          upload_ops: { op: "config", upload: "u", store_id: [], config: { value } },
          events: { name: "e", payload: value },
        };
        return plain({ [member]: [entries[member as keyof typeof entries]] });
      };
      const levels = member === "upload_ops" ? 254 : 256;
      expect(refusalOf(withValue(JSON.parse(nestedText(levels))))).toBe("accepted");
      expect(refusalOf(withValue(JSON.parse(nestedText(levels + 1))))).toMatchObject({ code: "too_deep" });
      let deep: unknown = 1;
      for (let left = 0; left < 1_000_000; left++) deep = { a: deep };
      expect(refusalOf(withValue(deep))).toMatchObject({ code: "too_deep" });
    },
  );

  it("names the place in its message", () => {
    expect(refusalOf(plain({ version: "x" }))).toMatchObject({
      message: "an envelope has a wrong shape in its head",
      details: { place: "its head" },
    });
    const op = { op: "insert", stream: "log", store_id: [], item_key: "k", at: "first", item: 1, limit: null };
    expect(refusalOf(plain({ stream_ops: [op] }))).toMatchObject({
      message: "an envelope has a wrong shape in stream_ops/0",
    });
    const deep: unknown = JSON.parse(nestedText(300));
    expect(refusalOf(plain({ events: [{ name: "e", payload: deep }] }))).toMatchObject({
      message: expect.stringContaining("events/0") as unknown,
    });
  });

  it("client.md 18: whatever is put where, the guard accepts or throws a MusubiError; 20 000 cases", () => {
    let accepted = 0;
    for (let seed = 0; seed < 20_000; seed++) {
      const random = new Random(seed);
      let payload: unknown = full();
      for (let left = random.below(3); left > 0; left--) {
        const op = randomOp(random, payload as never);
        payload = damaged(
          payload,
          op.path.split("/").slice(1),
          op.op === "remove" ? undefined : randomValue(random, 2),
        );
      }
      const outcome = refusalOf(payload);
      if (outcome === "accepted") accepted += 1;
      else expect(outcome, `seed ${seed}`).toBeInstanceOf(MusubiError);
    }
    expect(accepted).toBeGreaterThan(5_000);
    expect(accepted).toBeLessThan(19_000);
  });
});

/** A copy of `value` with another value at a path. */
function damaged(value: unknown, path: readonly string[], replacement: unknown): unknown {
  const [token, ...rest] = path;
  if (token === undefined) return replacement;
  if (Array.isArray(value))
    return value.map((entry, at) => (String(at) === token ? damaged(entry, rest, replacement) : entry));
  if (typeof value !== "object" || value === null) return value;
  return { ...value, [token]: damaged((value as Record<string, unknown>)[token], rest, replacement) };
}

describe("readEnvelope", () => {
  const base = { ...full(), upload_ops: null };
  const calls = (envelope: object): unknown[] => {
    const heard: unknown[] = [];
    readEnvelope(envelope, (...call) => heard.push(call) > 0);
    return heard;
  };
  const slot = { __musubi_upload__: "photos" };

  it("protocol.md 6: hands over every upload op, unchecked", () => {
    const op = { op: "no such op" };
    expect(calls({ ...base, upload_ops: [op, { op: "reset", upload: "u", store_id: [] }] })).toEqual([
      [op],
      [{ op: "reset", upload: "u", store_id: [] }],
    ]);
  });

  it("protocol.md 6: refuses an upload op that is said to have another shape", () => {
    const envelope = { ...base, upload_ops: [{ op: "reset" }, { op: "odd" }] };
    expect(() => readEnvelope(envelope, (op) => op?.["op"] === "reset")).toThrow("upload_ops/1");
  });

  it.each([
    ["deep in the value of an op", { ops: [{ op: "replace", path: "", value: { list: [{ photos: slot }] } }] }],
    ["in an item of a stream", { stream_ops: [{ ...(full()["stream_ops"] as object[])[1], item: slot }] }],
    ["as the member that an op adds", { ops: [{ op: "add", path: "/photos/__musubi_upload__", value: "photos" }] }],
  ])("protocol.md 4: tells of an upload marker %s, once", (_where, change) => {
    expect(calls({ ...base, ...change })).toEqual([[]]);
  });

  it("says nothing of an envelope without uploads, whatever the one before had", () => {
    expect(() => calls({ ...base, ops: [{ op: "add", path: "/a", value: slot }, { op: "add" }] })).toThrow(MusubiError);
    expect(calls(base)).toEqual([]);
    expect(calls({ ...base, upload_ops: [] })).toEqual([]);
  });
});
