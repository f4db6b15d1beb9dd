import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  type Bound,
  ENDPOINT_BOUNDS,
  LONG_POLL_BOUNDS,
  OPERATIONS_BOUNDS,
  PRESENCE_BOUNDS,
  SESSION_BOUNDS,
  STORE_BOUNDS,
  UPLOAD_BOUNDS,
  VALKEY_BOUNDS,
} from "../../packages/server/src/limits.js";

// docs/server.md, "Limits": every option that bounds something, as it is; and every bound has a test that fills it.

const ROOT = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");

interface Row {
  readonly option: string;
  readonly byDefault: string;
  readonly of: string;
}

const chapter = read("docs/server.md").split("\n## Limits\n")[1]?.split("\n## ")[0] ?? "";
const ROWS: readonly Row[] = chapter
  .split("\n")
  .filter((line) => /^\| [`[]/.test(line))
  .map((line) => {
    const [, option = "", byDefault = "", of = ""] = line.split("|").map((cell) => cell.trim());
    return { option, byDefault, of };
  });

function named(bounds: Readonly<Record<string, Bound>>, prefix = "", owner = ""): [string, Bound][] {
  return Object.entries(bounds).map(([name, bound]) => [`\`${prefix}${name}\`${owner}`, bound]);
}

/** Every option that bounds something, as the page names it. Where two layers have one name it is that of stores. */
const OPTIONS: ReadonlyMap<string, Bound> = new Map([
  ...named(SESSION_BOUNDS),
  ...named(ENDPOINT_BOUNDS),
  ...named(LONG_POLL_BOUNDS, "longPoll."),
  ...named(STORE_BOUNDS),
  ...named(UPLOAD_BOUNDS, "uploads."),
  ...named(PRESENCE_BOUNDS, "", " of `createPresence`"),
  ...named(VALKEY_BOUNDS, "", " of `createValkeyPubSub`"),
  ...named(OPERATIONS_BOUNDS, "", " of `operationsHandler`"),
]);

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function valueOf(text: string): number {
  const [, digits = "", unit = ""] = /^([\d ]+?)(?: (KiB|MiB|GiB))?$/.exec(text) ?? [];
  return Number(digits.replaceAll(" ", "") || Number.NaN) * (UNITS[unit] ?? 1);
}

const SERVER = "packages/server/src/";
const ENDPOINT = `${SERVER}transport/endpoint-limits.test.ts`;
const POLLS = `${SERVER}transport/long-poll-limits.test.ts`;
const SESSION = `${SERVER}channels/socket-session.test.ts`;
const CONNECTION = `${SERVER}stores/connection-channel.test.ts`;
const STORES = `${SERVER}stores/limits.test.ts`;
const OUTLET = `${SERVER}stores/outlet/outlet.test.ts`;
const PRESENCE = `${SERVER}channels/presence/bounds.test.ts`;
const UPLOADS = "tests/interop/server-upload-checks.test.ts";
const VALKEY = "tests/interop/valkey-pubsub.test.ts";

/** The test that fills each bound. */
const FILLED: Readonly<Record<string, readonly [file: string, title: string]>> = {
  "`maxSockets`": [
    ENDPOINT,
    "refuses more with 503, those that wait for their connect hook counted, until one has gone",
  ],
  "`longPoll.maxSessions`": [
    POLLS,
    "maxSessions: one more gets 503, those that still wait for the connect hook counted, until one ends",
  ],
  "`handshakeTimeoutMs`": [
    POLLS,
    "handshakeTimeoutMs: a connect hook that takes longer is given up with 503, or with its client",
  ],
  "[URL and headers]": [
    ENDPOINT,
    "URL and headers of a request: more than 16 KiB get 431 of Node, and no hook sees them",
  ],
  "[values of headers]": [
    `${SERVER}transport/shared-strings.test.ts`,
    "any number of values fills no more than its bound, and long ones are not kept",
  ],
  "`heartbeatTimeoutMs`": [ENDPOINT, "closes a silent socket with 1002, at most a tenth late, and no other"],
  "`longPoll.windowMs`": [
    `${SERVER}transport/long-polls.test.ts`,
    "ends one and a half windows after its last poll, at most a tenth late; posting does not keep it",
  ],
  "`longPoll.pubsubTimeoutMs`": [
    `${SERVER}transport/long-poll-relay.test.ts`,
    "gets 410 after pubsubTimeoutMs when its endpoint does not answer",
  ],
  "[polls]": [`${SERVER}transport/long-polls.test.ts`, "over four of one session lets the oldest go"],
  "[posts]": [POLLS, "four bodies of one session are read at once: one more gets 503"],
  "[lines]": [POLLS, "a hundred messages of a body are taken, and the rest is dropped"],
  "`maxFrameBytes`": [ENDPOINT, "lets a message of that size pass and closes the socket upon a larger one with 1009"],
  "[fragments]": [
    ENDPOINT,
    "is not evaded by fragments, of which a message may have 16 384: each costs far more than its byte",
  ],
  "[reads]": [
    ENDPOINT,
    "is not evaded by a frame that comes byte by byte, in 16 384 parts or one for 512 bytes of maxFrameBytes",
  ],
  "[upgrades of others]": [
    `${SERVER}transport/endpoint.test.ts`,
    "lets another listener have an upgrade that is not ours, and ends it with 404 when that one ignores it",
  ],
  "[depth]": [SESSION, "depth: JSON nested deeper than 256 levels is answered too_deep, wherever it stands"],
  "`maxUnsentBytes`": [ENDPOINT, "cuts a client that does not read, and no other"],
  "`maxChannels`": [ENDPOINT, "maxChannels: one more is refused until another is left"],
  "[topic and refs]": [SESSION, "names of more than 4 096 characters, which a channel would keep, are refused"],
  "`maxJoinsPerSecond`": [
    SESSION,
    "maxJoinsPerSecond and maxPushesPerSecond: ten seconds' worth at once, then the rate",
  ],
  "`maxPushesPerSecond`": [
    SESSION,
    "maxJoinsPerSecond and maxPushesPerSecond: ten seconds' worth at once, then the rate",
  ],
  "`maxMailboxBytes`": [SESSION, "maxMailboxBytes: counts what waits on all topics, and frees it again"],
  "[messages of a channel]": [
    SESSION,
    "maxMailbox: pushes beyond it are answered overloaded, a leave still gets through",
  ],
  "`maxMailbox`": [
    STORES,
    "server.md: past maxMailbox waiting messages commands are answered overloaded, and earlier ones still run",
  ],
  "`maxRoots`": [CONNECTION, "a connection holds no more roots than it may"],
  "`maxTotalRoots`": [CONNECTION, "a server holds no more roots than it may, and tells to try again"],
  "`maxParamsBytes`": [CONNECTION, "params that are larger than a root may keep are refused"],
  "[id of a root]": [CONNECTION, "%s %j is answered %s, and the channel lives"],
  "`handlerTimeoutMs`": [
    STORES,
    "server.md: past handlerTimeoutMs: error timeout, state as before, the mailbox goes on, the late result is dropped",
  ],
  "`mountTimeoutMs`": [STORES, "a mount that takes longer than mountTimeoutMs is answered timeout and leaves nothing"],
  "`maxAsync`": [
    `${SERVER}stores/async/async-stores.test.ts`,
    "rule 10: no more run at once than a root may; the others wait in order",
  ],
  "`maxResources`": [
    STORES,
    "server.md: past maxResources a message that opens a timer or a subscription more is overloaded",
  ],
  "[complaints of a schema]": [CONNECTION, "a large payload that is wrong throughout gets a small answer"],
  "`conflateAboveBytes`": [OUTLET, "rule 2: one that is just not behind gets everything as it comes"],
  "`maxHeldOps`": [OUTLET, "rule 8: past %s nothing is held any more, and the root is mounted again"],
  "`maxHeldBytes`": [OUTLET, "rule 8: past %s nothing is held any more, and the root is mounted again"],
  "[files at once]": [
    `${SERVER}uploads/check-files.test.ts`,
    "protocol.md 6: what has another shape is malformed_message: %o %j",
  ],
  "[tokens]": [`${SERVER}token-signer.test.ts`, "a token of more than 16 384 characters is not looked at"],
  "`uploads.maxEntriesPerRoot`": [
    UPLOADS,
    "server.md 4: past the bounds of a root and of the process files are overloaded, until others have gone",
  ],
  "`uploads.maxEntries`": [
    `${SERVER}uploads/upload-service.test.ts`,
    "server.md 4: a file keeps its place in the bounds until it has gone from the disk",
  ],
  "`uploads.maxBytes`": [
    UPLOADS,
    "server.md 4: past the bounds of a root and of the process files are overloaded, until others have gone",
  ],
  "`uploads.tokenTtlMs`": [
    `${SERVER}uploads/uploads-under-way.test.ts`,
    "server.md 4: one that rests for the life of a token has failed; one that has begun may go on with its token",
  ],
  "`drainTimeoutMs`": [
    `${SERVER}transport/endpoint.test.ts`,
    "cuts clients that do not say goodbye, and gives up on code that never ends, after drainTimeoutMs",
  ],
  "`maxEntryBytes` of `createPresence`": [
    `${SERVER}channels/presence/max-entry-bytes.test.ts`,
    "rule 12: a key and its meta are no larger than maxEntryBytes together, whatever is in them",
  ],
  "`maxKeys` of `createPresence`": [
    PRESENCE,
    "rule 16: a channel tracks no more than maxKeys at once, whatever its client asks for",
  ],
  "`maxEntries` of `createPresence`": [
    PRESENCE,
    "rule 16: a node tracks no more than maxEntries, on all topics together, and goes on once some have left",
  ],
  "`heartbeatMs` of `createPresence`": [
    `${SERVER}channels/presence/create-presence.test.ts`,
    "rule 14: a node that is not heard any more has gone within 30 s, and one that is heard stays",
  ],
  "[processes of a presence]": [PRESENCE, "rule 16: more than a thousand nodes are not heard, until some have gone"],
  "`maxUnsentBytes` of `createValkeyPubSub`": [
    VALKEY,
    "a server that is stuck is sent no more than maxUnsentBytes; what is over that is dropped",
  ],
  "`timeoutMs` of `createValkeyPubSub`": [
    VALKEY,
    "connections that are open to each end alone are found by their silence, and opened anew",
  ],
  "[commands to Valkey]": [
    `${SERVER}channels/valkey-subscriptions.test.ts`,
    "of a server that does not answer: a hundred commands wait, and topics that come and go leave nothing",
  ],
  "`checkTimeoutMs` of `operationsHandler`": [
    `${SERVER}operations/operations-handler.test.ts`,
    "a check that hangs has failed in time, its signal aborted; meanwhile all who ask share one run",
  ],
  "[names in metrics]": [
    `${SERVER}operations/metrics.test.ts`,
    "no more than a thousand names become labels, whoever makes them up; what was known before stays known",
  ],
};

test("the page has every option that bounds something, once, with the default that it has, and no other", () => {
  const shown = ROWS.filter(({ option }) => option.startsWith("`"));
  expect(new Set(shown.map(({ option }) => option)).size).toBe(shown.length);
  expect(Object.fromEntries(shown.map(({ option, byDefault }) => [option, valueOf(byDefault)]))).toEqual(
    Object.fromEntries([...OPTIONS].map(([option, bound]) => [option, bound.byDefault])),
  );
});

test("the page says of each bound what it is of, and never that it is a user's", () => {
  for (const { option, byDefault, of } of ROWS) {
    expect(of, option).toMatch(/^an? [a-z POST]+$/);
    expect(of, option).not.toContain("user");
    expect(valueOf(byDefault), option).toBeGreaterThan(0);
  }
});

test("each bound on the page has a test that fills it", () => {
  expect(ROWS.map(({ option }) => option).sort()).toEqual(Object.keys(FILLED).sort());
  for (const [option, [file, title]] of Object.entries(FILLED)) {
    const wanted = JSON.stringify(title);
    const isThere = read(file).includes(`(${wanted}`) || read(file).includes(`(\n    ${wanted}`);
    expect(isThere, `${option}: ${file} has no test called ${wanted}`).toBe(true);
  }
});
