import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createMusubiServer, createPubSub, type PubSub } from "@musubi/server";
import { afterEach, expect, test } from "vitest";

import { silentLogger } from "./support/echo-server.js";
import { httpRequest } from "./support/raw-client.js";

// What docs/deploy.md claims of changing a secret, rollout by rollout: processes before and after each of them side by side.

const PAGE = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");

/** What `LONG_POLL_SECRET` is: as it was, and after each rollout. */
const LINES = [...PAGE.matchAll(/^\| (?:as it was|first|second|third) +\| `([\w,]+)` +\| (\w+) +\| (\w+)/gm)].map(
  ([, value = "", signs = "", takes = ""]) => ({ value, signs, takes }),
);

const SECRETS: Readonly<Record<string, string>> = {
  old: "an old secret, of 32 bytes and some more",
  new: "a new secret, of 32 bytes and some more",
};

const BEAT = Buffer.from('[null,"1","phoenix","heartbeat",{}]');

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A process with this in its environment; config.ts splits at commas. */
async function start(pubsub: PubSub, value: string): Promise<number> {
  const secret = value.split(",").map((name) => SECRETS[name] ?? "");
  const longPoll = { secret, pubsubTimeoutMs: 10_000 };
  const musubi = createMusubiServer({ stores: [], logger: silentLogger, pubsub, longPoll, uploads: { secret } });
  const http = createServer();
  musubi.attach(http, { path: "/socket" });
  await new Promise<void>((listening) => http.listen(0, "127.0.0.1", listening));
  closers.push(async () => {
    await musubi.close();
    http.close();
    http.closeAllConnections();
  });
  return (http.address() as AddressInfo).port;
}

async function ask(
  port: number,
  token: string,
  body?: Buffer,
): Promise<{ readonly status: number; readonly token: string }> {
  const path = `/socket/longpoll?vsn=2.0.0${token === "" ? "" : `&token=${encodeURIComponent(token)}`}`;
  const method = body === undefined ? "GET" : "POST";
  const answer = await httpRequest(port, { method, path, headers: {}, ...(body === undefined ? {} : { body }) });
  return JSON.parse(answer.body) as { status: number; token: string };
}

/** What a session that `home` has opened gets at another process: 200, or 410 where its token is nobody's. */
async function statusElsewhere(home: number, away: number): Promise<number> {
  const { token } = await ask(home, "");
  return (await ask(away, token, BEAT)).status;
}

/** Whether processes with these side by side take each other's tokens. */
async function bothWays(one: string, other: string): Promise<readonly number[]> {
  const pubsub = createPubSub(silentLogger);
  const [a, b] = [await start(pubsub, one), await start(pubsub, other)];
  return [await statusElsewhere(a, b), await statusElsewhere(b, a)];
}

test("the page has four lines, and says of each what it signs with and takes", () => {
  expect(LINES.map(({ value }) => value)).toEqual(["old", "old,new", "new,old", "new"]);
  for (const { value, signs, takes: taken } of LINES) {
    const names = value.split(",");
    expect([signs, taken]).toEqual([names[0], names.length > 1 ? "both" : names[0]]);
  }
});

test.each(LINES.slice(1).map(({ value }, at) => [LINES[at]?.value ?? "", value]))(
  "while processes with `%s` are restarted with `%s`, each takes what the others sign",
  async (before, after) => {
    expect(await bothWays(before, after)).toEqual([200, 200]);
  },
);

test("without the first rollout a process that has not been restarted refuses what the others sign", async () => {
  expect(await bothWays("old", "new,old")).toEqual([200, 410]);
});

test("a process that is given too little does not start", async () => {
  for (const wrong of ["", "short", "old,", `${SECRETS["old"]},short`]) {
    const secret = wrong.split(",").map((name) => SECRETS[name] ?? name);
    for (const options of [{ longPoll: { secret } }, { uploads: { secret } }]) {
      expect(() => createMusubiServer({ stores: [], ...options })).toThrow(/secret is too weak/);
    }
  }
});
