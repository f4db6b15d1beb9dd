import { MusubiError } from "@musubi/protocol";
import { describe, expect, it } from "vitest";
import { createPresence } from "./channels/presence/create-presence.js";
import { createPubSub } from "./channels/pubsub.js";
import { createValkeyPubSub } from "./channels/valkey-pubsub.js";
import { createMusubiServer } from "./create-server.js";
import {
  type Bounds,
  ENDPOINT_BOUNDS,
  LONG_POLL_BOUNDS,
  OPERATIONS_BOUNDS,
  PRESENCE_BOUNDS,
  SESSION_BOUNDS,
  STORE_BOUNDS,
  UPLOAD_BOUNDS,
  VALKEY_BOUNDS,
} from "./limits.js";
import { operationsHandler } from "./operations/operations-handler.js";
import { LogRecorder } from "./stores/store-client.test.util.js";
import { createEndpoint } from "./transport/endpoint.js";

type Made = Record<string, unknown>;

const musubi = { inspect: (): never => undefined as never, addHooks: () => () => {} };

/** Everybody who takes limits, and how they are given. */
const TAKERS: readonly [name: string, bounds: Bounds<string>, prefix: string, make: (options: Made) => unknown][] = [
  ["createMusubiServer", STORE_BOUNDS, "", (options) => createMusubiServer({ stores: [], ...options })],
  ["createMusubiServer", ENDPOINT_BOUNDS, "", (options) => createMusubiServer({ stores: [], ...options })],
  ["createMusubiServer", SESSION_BOUNDS, "", (options) => createMusubiServer({ stores: [], ...options })],
  ["createMusubiServer", LONG_POLL_BOUNDS, "longPoll.", (longPoll) => createMusubiServer({ stores: [], longPoll })],
  ["createMusubiServer", UPLOAD_BOUNDS, "uploads.", (uploads) => createMusubiServer({ stores: [], uploads })],
  ["createEndpoint", ENDPOINT_BOUNDS, "", (options) => createEndpoint({ channels: [], ...options })],
  ["createEndpoint", SESSION_BOUNDS, "", (options) => createEndpoint({ channels: [], ...options })],
  ["createPresence", PRESENCE_BOUNDS, "", (options) => createPresence({ pubsub: createPubSub(log), ...options })],
  ["createValkeyPubSub", VALKEY_BOUNDS, "", (options) => createValkeyPubSub("redis://localhost:1", options)],
  ["operationsHandler", OPERATIONS_BOUNDS, "", (options) => operationsHandler(musubi, options)],
];

const log = new LogRecorder();

function refusalOf(make: () => unknown): MusubiError {
  try {
    make();
  } catch (cause) {
    expect(cause).toBeInstanceOf(MusubiError);
    return cause as MusubiError;
  }
  return expect.fail("it was taken");
}

describe.each(TAKERS)("%s, bounds %#", (_name, bounds, prefix, make) => {
  it.each(Object.entries(bounds))("%s: what can be no limit is refused at once", (name, { least, most, isWhole }) => {
    const wrong: [value: unknown, shown: string][] = [
      [-1, "-1"],
      [Number.NaN, "NaN"],
      [Number.POSITIVE_INFINITY, "Infinity"],
      [most * 2, String(most * 2)],
      ["100", "'100'"],
      [100n, "100n"],
      [{ ms: 100 }, "[Object]|\\{ ms: 100 \\}"],
    ];
    if (least > 0) wrong.push([0, "0"]);
    if (isWhole) wrong.push([1.5, "1.5"]);
    const kind = isWhole ? "an integer" : "a number";
    for (const [value, shown] of wrong) {
      const { code, message } = refusalOf(() => make({ [name]: value }));
      expect(code).toBe("invalid_usage");
      const [said = "", given = ""] = message.split(", not ");
      expect(said).toBe(`${prefix}${name} is ${kind} from ${least} to ${most}`);
      expect(given).toMatch(new RegExp(`^(?:${shown.replace("+", "\\+")})$`));
    }
  });
});

it("what is undefined has its default, and what is least and most is taken", async () => {
  for (const [, bounds, prefix] of TAKERS) {
    if (prefix !== "" || bounds === VALKEY_BOUNDS || bounds === PRESENCE_BOUNDS) continue;
    for (const pick of ["least", "most"] as const) {
      const options = Object.fromEntries(Object.entries(bounds).map(([name, bound]) => [name, bound[pick]]));
      await createMusubiServer({ stores: [], ...options, drainTimeoutMs: undefined as never }).close();
    }
  }
});

it("a secret that can be none is refused, and nothing has begun", () => {
  for (const options of [{ longPoll: { secret: "short" } }, { uploads: { secret: "short" } }]) {
    const { code, message } = refusalOf(() => createMusubiServer({ stores: [], ...options }));
    expect(code).toBe("invalid_usage");
    expect(message).toMatch(/^(longPoll|uploads)\.secret is too weak/);
  }
});
