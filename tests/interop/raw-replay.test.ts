import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CompatibilityRecord } from "./support/compatibility-page.js";
import { type EchoServer, startEchoServer } from "./support/echo-server.js";
import { type RecordedFrame, type Recording, recording, recordingNames } from "./support/fixtures.js";
import { httpRequest, RawClient } from "./support/raw-client.js";
import { replay } from "./support/raw-replay.js";

/** Recordings that are replayed elsewhere. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "client_*": "phoenix-js.test.ts",
  "race_*": "races.test.ts",
};

const SERIALIZER_1 = "other: serializer 1.0.0 is refused with 403";

/** Recordings that this endpoint is not meant to repeat, and why. */
const OUT_OF_SCOPE: Readonly<Record<string, string>> = {
  "v1_*": SERIALIZER_1,
  lp_v1: SERIALIZER_1,
  vsn_absent_is_v1: "other: a connect without vsn means 1.0.0 and is refused with 403",
  v2_join_slow_blocks_socket: "other: a slow join blocks nobody, heartbeats and other topics overtake it",
  shutdown_sigkill: "not repeated: needs a process to kill, and shows what the operating system does",
  shutdown_sigterm: "other: sockets get 1012 and held polls 410, all at once",
  shutdown_sigterm_no_channel: "other: 1012 goes to every socket; Bandit and Cowboy differ among themselves",
};

/** What the recording's other server does where Bandit and Cowboy differ (FRAMES.md, "Sizes"). */
const AS_COWBOY: Readonly<Record<string, (frames: readonly RecordedFrame[]) => readonly RecordedFrame[]>> = {
  // Cowboy counts the whole message against max_frame_size ...
  v2_oversized_small_limit_fragmented: (frames) =>
    endingWith(frames, { dir: "in", type: "close", code: 1009, reason: "" }),
  // ... and has no second cap for fragmented ones.
  v2_oversized_default_9mb_fragmented: (frames) =>
    endingWith(frames, {
      dir: "in",
      type: "text",
      data: '["1","2","echo:a","phx_reply",{"status":"ok","response":{}}]',
    }),
};

/** Where clients are better served by something else, on purpose. */
const DIFFERENT: Readonly<
  Record<string, { readonly how: string; readonly to: (frame: RecordedFrame) => RecordedFrame }>
> = {
  lp_disconnect_broadcast: {
    how: "the poll that is held is told 410 at once, not 204 when its window is over",
    to: (frame) =>
      frame.dir === "in" && frame.conn === "poll"
        ? { ...frame, t: 206, body: frame.body?.replace('"status":204', '"status":410') ?? "" }
        : frame,
  },
  v2_deflate: {
    how: "no parameters of permessage-deflate are named where the client leaves them open",
    to: (frame) =>
      frame.dir === "in" && frame.type === "upgrade"
        ? { ...frame, headers: { "sec-websocket-extensions": "permessage-deflate" } }
        : frame,
  },
};

/** Recorded on a socket whose time was real; ours stands still until told. */
const ON_STILL_TIME = /^(close_idle_default_60s$|lp_)/;

/** They end their server. */
const OWN_SERVER = /^shutdown_/;

function endingWith(frames: readonly RecordedFrame[], last: RecordedFrame): readonly RecordedFrame[] {
  const end = frames.findLastIndex((frame) => frame.dir === "out") + 1;
  return [...frames.slice(0, end), last];
}

function isListed(name: string, list: Readonly<Record<string, string>>): boolean {
  return Object.keys(list).some((key) => (key.endsWith("*") ? name.startsWith(key.slice(0, -1)) : name === key));
}

function adapted(name: string): Recording {
  const original = recording(name);
  const { to = (frame: RecordedFrame) => frame } = DIFFERENT[name] ?? {};
  const frames = (AS_COWBOY[name]?.(original.frames) ?? original.frames).map(to);
  if (!ON_STILL_TIME.test(name)) return { ...original, frames };
  const onStill = (text: string): string => text.replace("/socket/", "/socket_still/");
  return {
    ...original,
    frames: frames.map((frame) => {
      if (frame.type === "upgrade" && frame.data !== undefined) return { ...frame, data: onStill(frame.data) };
      return frame.path === undefined ? frame : { ...frame, path: onStill(frame.path) };
    }),
  };
}

/** Runs a recording, and says how it went. */
async function replayed(server: EchoServer, name: string): Promise<string> {
  const { soonerAnswers } = await replay(server, adapted(name));
  const but = [
    ...(name in AS_COWBOY ? ["as Cowboy does it: sizes are counted over a whole message"] : []),
    ...(DIFFERENT[name] === undefined ? [] : [DIFFERENT[name].how]),
    ...(soonerAnswers === 0 ? [] : [`answered at once where Phoenix waits for a window (${soonerAnswers} answers)`]),
  ];
  return but.length === 0 ? "equal" : `equal, but ${but.join("; ")}`;
}

const record = new CompatibilityRecord("raw-replay.test.ts");

describe("what the recorded server sent, ours sends", () => {
  let server: EchoServer;
  beforeAll(async () => {
    server = await startEchoServer();
  });
  afterAll(() => server.close());

  const names = recordingNames().filter((name) => !isListed(name, ELSEWHERE) && !isListed(name, OUT_OF_SCOPE));

  it.each(names)("%s", async (name) => {
    const own = OWN_SERVER.test(name) ? await startEchoServer() : server;
    try {
      record.saw(name, await replayed(own, name));
    } finally {
      if (own !== server) await own.close();
    }
  });

  it("leaves nothing open behind", async () => {
    // Sessions of long-poll have no goodbye: they end with their silence.
    server.clock.advance(60_000);
    await expect
      .poll(() => Object.values(server.endpoints).map((endpoint) => endpoint.inspect().sockets))
      .toEqual(Object.keys(server.endpoints).map(() => 0));
    expect(server.clock.pending).toBe(0);
  });
});

describe("where ours differs on purpose", () => {
  let server: EchoServer;
  beforeAll(async () => {
    server = await startEchoServer();
  });
  afterAll(() => server.close());

  it.each(["", "?vsn=1.0.0", "?vsn=2.0", "?vsn=2.0.0x", "?vsn="])("refuses %j with 403", async (query) => {
    const client = new RawClient(`ws://127.0.0.1:${server.port}/socket/websocket${query}`);
    expect(await client.next()).toEqual({ type: "http", status: 403, body: "" });
    const polled = await httpRequest(server.port, { method: "GET", path: `/socket/longpoll${query}`, headers: {} });
    expect(polled).toMatchObject({ status: 200, body: '{"status":403}' });
  });

  it("lets heartbeats and other topics overtake a slow join", async () => {
    const client = new RawClient(`ws://127.0.0.1:${server.port}/socket/websocket?vsn=2.0.0`);
    expect(await client.next()).toMatchObject({ type: "upgrade" });
    const { frames } = recording("v2_join_slow_blocks_socket");
    const out = frames.filter((frame) => frame.dir === "out" && frame.type === "text");
    for (const { data = "" } of out) client.sendText(data.replace("700", "50"));
    const replies = [await client.next(), await client.next(), await client.next()];
    expect(replies.map((seen) => seen.type === "text" && (JSON.parse(seen.text) as unknown[])[2])).toEqual([
      "phoenix",
      "echo:b",
      "echo:slowjoin",
    ]);
    client.webSocket.terminate();
  });

  it("every recording is either replayed or listed with a reason", () => {
    const names = recordingNames();
    const inScope = names.filter((name) => !isListed(name, OUT_OF_SCOPE));
    expect(inScope.filter((name) => !/^(v2|connect|close|client|race|shutdown|lp)_/.test(name))).toEqual([]);
    for (const key of Object.keys({ ...OUT_OF_SCOPE, ...ELSEWHERE, ...AS_COWBOY, ...DIFFERENT })) {
      expect(
        names.filter((name) => isListed(name, { [key]: "" })),
        key,
      ).not.toEqual([]);
    }
  });

  it("docs/phoenix-compatibility.md says so", () => {
    for (const name of recordingNames()) {
      const key = Object.keys(OUT_OF_SCOPE).find((one) => isListed(name, { [one]: "" }));
      if (key !== undefined) record.saw(name, OUT_OF_SCOPE[key] ?? "");
    }
    record.checkPage();
  });
});
