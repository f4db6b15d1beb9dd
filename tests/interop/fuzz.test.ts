import { Agent, request } from "node:http";
import { connect as connectTcp } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { CalmClient } from "./support/calm-client.js";
import { FuzzInput, type KnownUpload } from "./support/fuzz-input.js";
import { type FuzzServer, type Level, startFuzzServer } from "./support/fuzz-server.js";
import { type HttpAnswer, httpRequest, RawClient } from "./support/raw-client.js";

const FRAMES = 10_000;
/** Frames and upgrade requests beneath the WebSocket layer. */
const RAW = 5_000;
/** Long-poll requests, most of which carry several frames. */
const REQUESTS = 1_500;
const TOKENS = 10_000;
/** Set it to repeat a failure. */
const SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);
/** What a heap may have more of when all is over; code that is compiled meanwhile is in it. */
const MAX_GROWTH_BYTES = 40 * 1024 * 1024;

/** For a machine that hangs: a good one takes a twentieth. */
const TIMEOUT_MS = 600_000;

setFlagsFromString("--expose_gc");
const collect = runInNewContext("gc") as () => void;

/** What no client may learn: where code is and what it threw. */
const INTERNALS = /node_modules|packages[/\\]|\\n\s+at |\.[jt]s:\d|asked to|channel threw|Error:/;
/** What should not have been sent. */
const wrong: string[] = [];
const tell = (text: string): void => {
  if (INTERNALS.test(text)) wrong.push(text);
};

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const escaped: unknown[] = [];
const onEscape = (cause: unknown): void => void escaped.push(cause);

let server: FuzzServer;
let input: FuzzInput;
let calm: CalmClient;

beforeAll(async () => {
  process.on("unhandledRejection", onEscape);
  process.on("uncaughtException", onEscape);
  server = await startFuzzServer();
});

beforeEach(async () => {
  input = new FuzzInput(SEED);
});

afterAll(async () => {
  agent.destroy();
  await server.close();
  process.off("unhandledRejection", onEscape);
  process.off("uncaughtException", onEscape);
});

/** Runs `attack` beside a well-behaved client; afterwards all has to be as it was, and a newcomer has to be served. */
async function withstand(attack: () => Promise<void>): Promise<void> {
  calm = new CalmClient(server.port, "calm");
  await calm.open();
  await calm.isServed();
  const before = await levelBefore();
  const heapBefore = heap();
  await attack();
  await isBackAt(before);
  await calm.isServed();
  const newcomer = new CalmClient(server.port, "newcomer");
  await newcomer.open();
  await newcomer.isServed();
  await newcomer.sendFile();
  await newcomer.close();
  await isBackAt(before);
  expect(heap() - heapBefore).toBeLessThan(MAX_GROWTH_BYTES);
  expect(escaped).toEqual([]);
  expect(server.errors).toEqual([]);
  expect(wrong).toEqual([]);
  expect({}).not.toHaveProperty("polluted");
  await calm.close();
}

/** The level that is to come back; of timers the most that are seen, since one that has just fired is none. */
async function levelBefore(): Promise<Level> {
  const levels: Level[] = [];
  for (let n = 0; n < 20; n++) {
    levels.push(await server.level());
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  return { ...(levels.at(-1) as Level), timers: Math.max(...levels.map(({ timers }) => timers)) };
}

/**
 * Waits until all is as it was. (`expect.poll` would count its own timer.) Timers may be fewer: those of the runner and of
 * the test before end meanwhile.
 */
async function isBackAt({ timers, ...before }: Level): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const { timers: left, ...now } = await server.level();
    const differs = JSON.stringify(now) !== JSON.stringify(before) || left > timers;
    if (differs && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    expect({ ...now, moreTimers: Math.max(0, left - timers) }).toEqual({ ...before, moreTimers: 0 });
    return;
  }
}

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

async function openRaw(): Promise<RawClient> {
  const client = new RawClient(`ws://127.0.0.1:${server.port}/socket/websocket?vsn=2.0.0`);
  expect((await client.next()).type).toBe("upgrade");
  return client;
}

/** A client of ill will, connected, with roots of its own and a file announced. */
async function openWild(): Promise<{ readonly webSocket: WebSocket; readonly upload: KnownUpload }> {
  const client = await openRaw();
  const upload = await announce(
    (text) => client.sendText(text),
    async () => {
      const seen = await client.next();
      return seen.type === "text" ? (JSON.parse(seen.text) as unknown) : seen;
    },
  );
  return { webSocket: client.webSocket, upload };
}

/** Joins, mounts and announces a file over any transport. */
async function announce(say: (text: string) => void, next: () => Promise<unknown>): Promise<KnownUpload> {
  const entries = [{ client_ref: "c", name: "a.txt", size: 5_000, type: "text/plain" }];
  const root = { root_id: "Fuzz.Desk:1", store_id: [] };
  say('["1","j","musubi:connection","phx_join",{}]');
  say('["1","m","musubi:connection","mount",{"module":"Fuzz.Desk","id":"1","params":{}}]');
  say(JSON.stringify(["1", "u", "musubi:connection", "allow_upload", { ...root, name: "papers", entries }]));
  for (;;) {
    const message = await next();
    if (!Array.isArray(message) || message[1] !== "u") continue;
    const { response } = message[4] as { response: { entries: { c: { entry_ref: string; token: string } } } };
    return { entryRef: response.entries.c.entry_ref, token: response.entries.c.token };
  }
}

/** Whether the server has taken all that was sent; `false` once it has closed the socket. */
function isHeard(webSocket: WebSocket): Promise<boolean> {
  return new Promise((resolve) => {
    const onPong = (data: Buffer): void => {
      if (data.toString() === "heard?") finish(true);
    };
    const onClose = (): void => finish(false);
    const finish = (isOpen: boolean): void => {
      webSocket.off("pong", onPong).off("close", onClose);
      resolve(isOpen);
    };
    webSocket.on("pong", onPong).on("close", onClose);
    if (webSocket.readyState === WebSocket.OPEN) webSocket.ping("heard?");
    else if (webSocket.readyState === WebSocket.CLOSED) finish(false);
  });
}

function rawSocketOf(webSocket: WebSocket): NodeJS.WritableStream {
  return (webSocket as unknown as { _socket: NodeJS.WritableStream })._socket;
}

describe(`a server with stores, uploads, presence and channels (FUZZ_SEED=${SEED})`, () => {
  it(`stands ${FRAMES} random and mutated frames`, { timeout: TIMEOUT_MS }, async () => {
    /** What came back: `<status> <topic>` of replies, close codes. */
    const seen = new Map<string, number>();
    const note = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
    let taken = 0;
    await withstand(async () => {
      while (taken < FRAMES) {
        const { webSocket: wild, upload } = await openWild();
        wild.on("message", (data, isBinary) => {
          tell((data as Buffer).toString());
          if (isBinary) return;
          const [, , topic, event, payload] = JSON.parse((data as Buffer).toString()) as [
            0,
            0,
            unknown,
            string,
            object,
          ];
          // No message ends the channels of stores and uploads, however malformed it is.
          if (event === "phx_error" && /^musubi(:connection$|_upload:)/.test(String(topic))) wrong.push(String(topic));
          const known = /^(musubi_upload|musubi|echo|room|plain)\b/.exec(String(topic));
          if (event === "phx_reply" && known !== null) note(`${(payload as { status: string }).status} ${known[1]}`);
        });
        wild.once("close", (code) => note(`close ${code}`));
        for (let burst = 1 + input.below(200); burst > 0 && wild.readyState === WebSocket.OPEN; burst--) {
          taken += 1;
          const kind = input.random();
          if (kind < 0.7) wild.send(input.message(upload), { binary: false });
          else if (kind < 0.85) wild.send(input.binary(upload), { binary: true });
          else if (kind < 0.97) wild.send(input.mutated(), { binary: input.chance(0.3) });
          else if (kind < 0.98) wild.send(input.mutated(), { binary: false, fin: false });
          else if (kind < 0.998) wild.ping(Buffer.alloc(input.below(126)));
          else wild.send("x".repeat(70_000));
          // Whatever may have been the last frame that it takes: only what it takes counts.
          if (kind > 0.7 && !(await isHeard(wild))) break;
        }
        await calm.isServed();
        // Some say goodbye, some just go.
        if (input.chance(0.5)) wild.close();
        else wild.terminate();
      }
    });
    // None of it alone would show much.
    const least = Object.entries({ musubi: 40, musubi_upload: 20, echo: 40, room: 40, plain: 20 });
    const few = least.flatMap(([topic, count]) =>
      [`ok ${topic}`, `error ${topic}`].filter((what) => (seen.get(what) ?? 0) < count),
    );
    expect(few, JSON.stringify(Object.fromEntries(seen))).toEqual([]);
    for (const code of [1007, 1009, 1011]) expect(seen.has(`close ${code}`), `close ${code}`).toBe(true);
  });

  it(`stands ${RAW} frames and handshakes that are none`, { timeout: TIMEOUT_MS }, async () => {
    await withstand(async () => {
      const open: { destroy(): unknown }[] = [];
      for (let sent = 0; sent < RAW; ) {
        if (input.chance(0.3)) {
          sent += 1;
          const tcp = connectTcp(server.port, "127.0.0.1");
          tcp.on("error", () => {}).resume();
          tcp.write(input.handshake());
          // Many never go on, and hold their connection.
          open.push({ destroy: () => tcp.resetAndDestroy() });
        } else {
          const { webSocket: wild } = await openWild();
          wild.on("error", () => {});
          for (let burst = 1 + input.below(20); burst > 0; burst--, sent++) rawSocketOf(wild).write(input.rawFrame());
          open.push({ destroy: () => wild.terminate() });
        }
        await calm.isServed();
        if (open.length > 50) for (const one of open.splice(0, 25)) one.destroy();
        // Some are torn down while the server still asks who they are.
        if (input.chance(0.3)) open.pop()?.destroy();
      }
      for (const one of open) one.destroy();
    });
  });

  it(`stands ${REQUESTS} random long-poll requests`, { timeout: TIMEOUT_MS }, async () => {
    const seen = new Map<number, number>();
    const note = (status: number): void => void seen.set(status, (seen.get(status) ?? 0) + 1);
    const polls: Promise<HttpAnswer>[] = [];
    await withstand(async () => {
      let { token, upload } = await openLongPoll();
      for (let sent = 0; sent < REQUESTS; sent++) {
        const kind = input.random();
        if (kind < 0.6) {
          const types = ["application/x-ndjson", "application/x-ndjson", "application/json", "", "x".repeat(100)];
          const { status, body } = await poll("POST", token, { "content-type": input.pick(types) }, input.body(upload));
          expect([200, 400, 500]).toContain(status);
          tell(body);
          if (status === 200) note((JSON.parse(body) as { status: number }).status);
          // A session that has ended says so until the next one is opened.
          if (body !== '{"status":200}' && status === 200) ({ token, upload } = await openLongPoll());
        } else if (kind < 0.75) {
          polls.push(poll("GET", token));
        } else if (kind < 0.95) {
          const other = input.otherToken(token);
          const header = input.otherToken(token).replaceAll(/[^!-~]/g, "");
          const headers = input.pick([{}, { "x-phoenix-longpoll-token": header }]);
          expect((await poll(input.pick(["POST", "GET"]), other, headers)).status).toBeLessThan(501);
        } else {
          expect([200, 400]).toContain((await poll(input.pick(["PUT", "DELETE", "HEAD", "OPTIONS"]), token)).status);
        }
        if (sent % 25 === 0) await calm.isServed();
      }
      // Every held poll ends, and every session with it.
      for (const { status, body } of await Promise.all(polls)) {
        expect([200, 500]).toContain(status);
        tell(body);
      }
    });
    // Some of it was taken, and some of it ended sessions: neither alone would show much.
    expect(seen.get(200)).toBeGreaterThan(20);
    expect(seen.get(408)).toBeGreaterThan(20);
  });

  it(`takes none of ${TOKENS} tokens of long-poll sessions that it has not signed`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    await withstand(async () => {
      const { token } = await openLongPoll();
      const polls: Promise<HttpAnswer>[] = [];
      const tryOne = async (): Promise<void> => {
        const other = input.otherToken(token);
        const headers = input.chance(0.5) && /^[!-~]+$/.test(other) ? { "x-phoenix-longpoll-token": other } : {};
        const asked = "x-phoenix-longpoll-token" in headers ? "" : other;
        expect(await poll("POST", asked, headers, Buffer.of()), other).toMatchObject({ body: '{"status":410}' });
      };
      for (let tried = 0; tried < TOKENS; tried += 8) {
        // However slow all of this is, the session is polled again and again: more than four let the oldest go.
        if (tried % 40 === 0) polls.push(poll("GET", token));
        await Promise.all(Array.from({ length: 8 }, tryOne));
      }
      // The session was there all the time.
      const beat = Buffer.from('[null,"1","phoenix","heartbeat",{}]');
      expect((await poll("POST", token, {}, beat)).body).toBe('{"status":200}');
      await Promise.all(polls);
    });
  });

  it(`takes none of ${TOKENS} tokens of uploads that it has not signed`, { timeout: TIMEOUT_MS }, async () => {
    await withstand(async () => {
      for (let tried = 0; tried < TOKENS; ) {
        const client = await openRaw();
        const next = async (): Promise<unknown[]> => {
          for (;;) {
            const seen = await client.next();
            if (seen.type === "text") return JSON.parse(seen.text) as unknown[];
          }
        };
        const upload = await announce((text) => client.sendText(text), next);
        const topic = `musubi_upload:${upload.entryRef}`;
        const answerTo = async (token: unknown): Promise<unknown> => {
          client.sendText(JSON.stringify(["t", "t", topic, "phx_join", { token }]));
          for (;;) {
            const [, ref, , , payload] = await next();
            if (ref === "t") return payload;
          }
        };
        const refused = { status: "error", response: { reason: "invalid_token", code: "invalid_token" } };
        for (let burst = 400; burst > 0; burst--, tried++) {
          expect(await answerTo(input.otherToken(upload.token))).toEqual(refused);
        }
        expect(await answerTo(upload.token)).toEqual({ status: "ok", response: { offset: 0 } });
        client.webSocket.terminate();
        await calm.isServed();
      }
    });
  });
});

/** One long-poll request; on a connection that is kept, unless its answer may be long in coming. */
function poll(method: string, token: string, headers: Record<string, string> = {}, body?: Buffer): Promise<HttpAnswer> {
  const path = `/socket/longpoll?vsn=2.0.0${token === "" ? "" : `&token=${encodeURIComponent(token)}`}`;
  if (method !== "POST")
    return httpRequest(server.port, { method, path, headers, ...(body === undefined ? {} : { body }) });
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port: server.port, method, path, headers, agent }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** A long-poll session with a root and a file announced. */
async function openLongPoll(): Promise<{ readonly token: string; readonly upload: KnownUpload }> {
  const { token } = JSON.parse((await poll("GET", "")).body) as { token: string };
  const waiting: unknown[] = [];
  const headers = { "content-type": "application/x-ndjson" };
  let posts: Promise<unknown> = Promise.resolve();
  const upload = await announce(
    (text) => {
      posts = posts.then(() => poll("POST", token, headers, Buffer.from(text)));
    },
    async () => {
      await posts;
      while (waiting.length === 0) {
        const { messages } = JSON.parse((await poll("GET", token)).body) as { messages: string[] };
        waiting.push(...messages.map((text) => JSON.parse(text) as unknown));
      }
      return waiting.shift();
    },
  );
  return { token, upload };
}
