import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EchoServer, startEchoServer } from "./support/echo-server.js";
import { type RecordedFrame, type Recording, recording, recordingNames } from "./support/fixtures.js";
import { RawClient } from "./support/raw-client.js";
import { replay } from "./support/raw-replay.js";

/** Recordings that are replayed elsewhere. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "client_*": "phoenix-js.test.ts",
  "race_*": "races.test.ts",
};

/** Recordings that this endpoint is not meant to repeat, and why. */
const OUT_OF_SCOPE: Readonly<Record<string, string>> = {
  "lp_*": "long-poll is another transport",
  "v1_*": "serializer 1.0.0 is refused with 403, shown below",
  vsn_absent_is_v1: "a connect without vsn means 1.0.0 and is refused with 403, shown below",
  v2_deflate: "there is no option to compress",
  v2_join_slow_blocks_socket: "a slow join blocks nobody here, shown below",
  shutdown_sigkill: "needs a process to kill, and shows what the operating system does",
  shutdown_sigterm: "mixes in sockets of long-poll and of serializer 1.0.0",
  shutdown_sigterm_no_channel: "1012 goes to every socket here; Bandit and Cowboy differ among themselves",
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

/** Recorded on a socket whose time was real; ours stands still until told. */
const ON_STILL_TIME: ReadonlySet<string> = new Set(["close_idle_default_60s"]);

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
  const frames = AS_COWBOY[name]?.(original.frames) ?? original.frames;
  if (!ON_STILL_TIME.has(name)) return { ...original, frames };
  return {
    ...original,
    frames: frames.map((frame) =>
      frame.type === "upgrade" && frame.data !== undefined
        ? { ...frame, data: frame.data.replace("/socket/", "/socket_still/") }
        : frame,
    ),
  };
}

describe("what the recorded server sent, ours sends", () => {
  let server: EchoServer;
  beforeAll(async () => {
    server = await startEchoServer();
  });
  afterAll(() => server.close());

  const names = recordingNames().filter((name) => !isListed(name, ELSEWHERE) && !isListed(name, OUT_OF_SCOPE));

  it.each(names)("%s", async (name) => {
    if (!OWN_SERVER.test(name)) {
      await replay(server, adapted(name));
      return;
    }
    const own = await startEchoServer();
    try {
      await replay(own, adapted(name));
    } finally {
      await own.close();
    }
  });

  it("leaves nothing open behind", async () => {
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
    const replayed = names.filter((name) => !isListed(name, OUT_OF_SCOPE));
    expect(replayed.filter((name) => !/^(v2|connect|close|client|race|shutdown)_/.test(name))).toEqual([]);
    for (const key of Object.keys({ ...OUT_OF_SCOPE, ...ELSEWHERE, ...AS_COWBOY })) {
      expect(
        names.filter((name) => isListed(name, { [key]: "" })),
        key,
      ).not.toEqual([]);
    }
  });
});
