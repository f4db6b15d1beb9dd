import { describe, expect, it } from "vitest";
import { parseCommand, parseMount, parseUnmount } from "./messages.js";
import { MusubiError } from "./musubi-error.js";
import { Random, randomValue } from "./random-json.test.util.js";

const refused = (code: string): unknown => expect.objectContaining({ name: "MusubiError", code });
const deep: unknown = JSON.parse("[".repeat(300) + "]".repeat(300));

describe("messages to the server", () => {
  it("protocol.md 2: a mount has a module, an id and params, and may resume", () => {
    expect(parseMount({ module: "M", id: "1", params: { a: 1 }, later: true })).toEqual({
      module: "M",
      id: "1",
      params: { a: 1 },
    });
    expect(parseMount({ module: "M", id: "1" })).toEqual({ module: "M", id: "1", params: {} });
    const resume = { epoch: "e", version: 4 };
    expect(parseMount({ module: "M", id: "1", params: {}, resume })).toEqual({
      module: "M",
      id: "1",
      params: {},
      resume,
    });
  });

  it.each([
    [null],
    [[]],
    ["mount"],
    [{ id: "1" }],
    [{ module: 1, id: "1" }],
    [{ module: "M", id: 1 }],
    [{ module: "M", id: "1", resume: true }],
    [{ module: "M", id: "1", resume: { epoch: 1, version: 1 } }],
    [{ module: "M", id: "1", resume: { epoch: "e", version: -1 } }],
    [{ module: "M", id: "1", params: JSON.parse('{"__proto__":{}}') as unknown }],
  ])("a mount of %j is malformed_message", (payload) => {
    expect(() => parseMount(payload)).toThrow(refused("malformed_message"));
  });

  it("protocol.md 2: an unmount names its root", () => {
    expect(parseUnmount({ root_id: "r", later: 1 })).toEqual({ root_id: "r" });
    for (const payload of [undefined, {}, { root_id: 1 }])
      expect(() => parseUnmount(payload)).toThrow(refused("malformed_message"));
  });

  it("protocol.md 2: a command names root, store and itself; ids and acks are integers", () => {
    const command = { root_id: "r", store_id: ["a"], name: "go", payload: { n: 1 } };
    expect(parseCommand({ ...command, later: 1 })).toEqual(command);
    expect(parseCommand({ ...command, payload: undefined })).toEqual({ ...command, payload: {} });
    expect(parseCommand({ ...command, command_id: 1, acked: 0 })).toEqual({ ...command, command_id: 1, acked: 0 });
    expect(parseCommand({ ...command, command_id: null, acked: null })).toEqual(command);
  });

  it.each([
    [undefined],
    [{ root_id: 1 }],
    [{ store_id: "a" }],
    [{ store_id: [1] }],
    [{ name: null }],
    [{ command_id: 0 }],
    [{ command_id: 1.5 }],
    [{ command_id: "1" }],
    [{ acked: -1 }],
    [{ payload: JSON.parse('[{"__proto__":1}]') as unknown }],
  ])("a command with %j is malformed_message", (change) => {
    const payload = change && { root_id: "r", store_id: [], name: "go", payload: {}, ...change };
    expect(() => parseCommand(payload)).toThrow(refused("malformed_message"));
  });

  it("refuses params and payloads of more than 256 levels as too_deep", () => {
    expect(() => parseMount({ module: "M", id: "1", params: deep })).toThrow(refused("too_deep"));
    expect(() => parseCommand({ root_id: "r", store_id: [], name: "go", payload: deep })).toThrow(refused("too_deep"));
  });

  it("client.md 18: any value is read or refused with a MusubiError", () => {
    const names = [
      "root_id",
      "store_id",
      "name",
      "payload",
      "module",
      "id",
      "params",
      "resume",
      "epoch",
      "version",
      "acked",
    ];
    for (let seed = 0; seed < 10_000; seed++) {
      const payload = randomValue(new Random(seed), 3, names);
      for (const parse of [parseMount, parseUnmount, parseCommand]) {
        try {
          parse(payload);
        } catch (error) {
          expect(error, `seed ${seed}`).toBeInstanceOf(MusubiError);
        }
      }
    }
  });
});
