import { type Channel, LongPoll, type Push, Socket } from "phoenix";
import { describe, expect, it, vi } from "vitest";
import { CompatibilityRecord } from "./support/compatibility-page.js";
import { type EchoServer, startEchoServer } from "./support/echo-server.js";
import { type RecordedFrame, recording, recordingNames } from "./support/fixtures.js";
import { httpDetails, recordingFetch } from "./support/recording-fetch.js";
import { jsonOr, recordingTransport, type WireFrame } from "./support/recording-transport.js";

/**
 * phoenix.js 1.8.16, unchanged, does with our server what the recorder had it do with Phoenix; what it reports and
 * what passes on the wire must be the same, refs included.
 */
class Client {
  readonly wire: WireFrame[] = [];
  readonly events: string[] = [];
  readonly socket: Socket;
  #changed: (() => void)[] = [];

  constructor(server: EchoServer, path = "/socket", options: Record<string, unknown> = {}) {
    const transport = recordingTransport(this.wire);
    this.socket = new Socket(`ws://127.0.0.1:${server.port}${path}`, {
      transport,
      ...options,
    });
    this.socket.onOpen(() => this.say("socket.onOpen"));
    this.socket.onClose((event: { code: number; wasClean: boolean }) =>
      this.say(`socket.onClose ${JSON.stringify({ code: event.code, wasClean: event.wasClean })}`),
    );
    this.socket.onError((event: unknown) =>
      this.say(`socket.onError ${JSON.stringify((event as { message?: string }).message)}`),
    );
  }

  say(event: string): void {
    this.events.push(event);
    const changed = this.#changed;
    this.#changed = [];
    for (const listener of changed) listener();
  }

  /** Waits until `event` has been reported `times` times. */
  async saw(event: string, times = 1): Promise<void> {
    while (this.events.filter((seen) => seen === event || seen.startsWith(`${event} `)).length < times) {
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  channel(topic: string, params: object = {}): Channel {
    const channel = this.socket.channel(topic, params);
    channel.onClose((payload: unknown) => this.say(`${topic} onClose ${JSON.stringify(payload)}`));
    channel.onError((reason: unknown) => this.say(`${topic} onError ${JSON.stringify(reason)}`));
    return channel;
  }

  report(name: string, sent: Push): Push {
    for (const status of ["ok", "error"] as const) {
      sent.receive(status, (response: unknown) => this.say(`${name} -> ${status} ${describePayload(response)}`));
    }
    return sent.receive("timeout", () => this.say(`${name} -> timeout {}`));
  }

  async end(): Promise<void> {
    const closes = this.events.filter((event) => event.startsWith("socket.onClose")).length;
    this.socket.disconnect();
    await this.saw("socket.onClose", closes + 1);
  }
}

function describePayload(payload: unknown): string {
  if (!(payload instanceof ArrayBuffer)) return JSON.stringify(payload);
  return JSON.stringify(`ArrayBuffer ${Buffer.from(payload).toString("hex")}`);
}

function joinReporting(client: Client, channel: Channel, name = "join"): Channel {
  client.report(name, channel.join());
  return channel;
}

type Script = (server: EchoServer) => Promise<Client>;

/** Connects, joins `echo:a` and goes on. */
function joined(script: (client: Client, channel: Channel, server: EchoServer) => Promise<void>, query = {}): Script {
  return async (server) => {
    const client = new Client(server, "/socket", { params: query });
    const channel = client.channel("echo:a");
    client.socket.connect();
    joinReporting(client, channel);
    await client.saw("join -> ok");
    await script(client, channel, server);
    await client.end();
    return client;
  };
}

async function push(
  client: Client,
  channel: Channel,
  event: string,
  payload: object,
  timeoutMs?: number,
): Promise<void> {
  client.report(event, channel.push(event, payload, timeoutMs));
  await client.saw(`${event} ->`);
}

const SCRIPTS: Readonly<Record<string, Script>> = {
  client_auth_token: async (server) => {
    const client = new Client(server, "/socket_auth", { authToken: "good-js" });
    client.socket.connect();
    joinReporting(client, client.channel("echo:a"));
    await client.saw("join -> ok");
    await client.end();
    return client;
  },
  client_binary: joined(async (client, channel) => {
    for (const event of ["pushed_bin", "shout_bin"]) {
      channel.on(event, (payload: unknown) => client.say(`${event} ${describePayload(payload)}`));
    }
    // Types of phoenix know no binary payloads, phoenix.js does.
    await push(client, channel, "bin", Uint8Array.of(1, 2, 3).buffer);
    await push(client, channel, "push_bin", { hex: "0a0b" });
    await push(client, channel, "broadcast_bin", { hex: "0c0d" });
  }),
  client_broadcast: joined(async (client, channel) => {
    for (const event of ["shout", "pushed"]) {
      channel.on(event, (payload: unknown) => client.say(`${event} ${JSON.stringify(payload)}`));
    }
    await push(client, channel, "broadcast", { n: 1 });
    await push(client, channel, "push_me", { n: 2 });
  }),
  client_crash_rejoin: joined(async (client, channel) => {
    client.report("crash", channel.push("crash", {}, 600));
    await client.saw("echo:a onError");
    client.report("buffered ping", channel.push("ping", { buffered: true }));
    await client.saw("buffered ping ->");
  }),
  client_duplicate_join: async (server) => {
    const client = new Client(server);
    const first = client.channel("echo:a", { first: 1 });
    client.socket.connect();
    joinReporting(client, first, "join 1");
    await client.saw("join 1 ->");
    const second = client.channel("echo:a", { second: 1 });
    joinReporting(client, second, "join 2");
    await client.saw("join 2 ->");
    client.say(`states ${JSON.stringify([first.state, second.state])}`);
    client.report("ping on 2", second.push("ping", {}));
    await client.saw("ping on 2 ->");
    await client.end();
    return client;
  },
  client_heartbeat: async (server) => {
    const client = new Client(server, "/socket", { heartbeatIntervalMs: 400 });
    client.socket.connect();
    await heard(client, "phx_reply", "in", 2);
    await client.end();
    return client;
  },
  client_idle_close: async (server) => {
    const client = new Client(server, "/socket_fast");
    const channel = client.channel("echo:a");
    client.socket.connect();
    joinReporting(client, channel);
    await client.saw("join -> ok");
    server.clock.advance(2_500);
    await client.saw("join -> ok", 2);
    client.say(`state ${JSON.stringify(channel.state)}`);
    await client.end();
    return client;
  },
  client_join_error_rejoin: async (server) => {
    const client = new Client(server);
    const channel = client.channel("echo:denied");
    client.socket.connect();
    joinReporting(client, channel);
    await client.saw("join -> error", 3);
    client.report("leave", channel.leave());
    await client.saw("leave ->");
    await client.end();
    return client;
  },
  client_join_push_leave: async (server) => {
    const client = new Client(server);
    const channel = client.channel("echo:a", { p: 1 });
    client.socket.connect();
    joinReporting(client, channel);
    await client.saw("join -> ok");
    await push(client, channel, "ping", { a: 1 });
    await push(client, channel, "fail", {});
    client.report("leave", channel.leave());
    await client.saw("leave ->");
    await heard(client, "phx_close");
    await client.end();
    return client;
  },
  client_longpoll: async (server) => {
    const client = new Client(server, "/socket", { transport: LongPoll });
    const fetched = recordingFetch(client.wire);
    const channel = client.channel("echo:a");
    channel.on("pushed", (payload: unknown) => client.say(`pushed ${JSON.stringify(payload)}`));
    client.socket.connect();
    joinReporting(client, channel);
    await client.saw("join -> ok");
    await push(client, channel, "ping", { a: 1 });
    await push(client, channel, "push_me", { n: 2 });
    client.report("binary push", channel.push("bin_to_json", Uint8Array.of(1, 2).buffer));
    await client.saw("binary push -> ok");
    client.report("leave", channel.leave());
    await client.saw("leave ->");
    await heard(client, "phx_close");
    await client.end();
    await heard(client, "AbortError");
    fetched.stop();
    return client;
  },
  client_malformed_kills_socket: async (server) => {
    const client = new Client(server);
    const [a, b] = [client.channel("echo:a"), client.channel("echo:b")];
    client.socket.connect();
    joinReporting(client, a, "join a");
    await client.saw("join a -> ok");
    joinReporting(client, b, "join b");
    await client.saw("join b -> ok");
    (client.socket as unknown as { conn: { send(text: string): void } }).conn.send("garbage");
    await client.saw("join b -> ok", 2);
    client.say(`states ${JSON.stringify([a.state, b.state])}`);
    await client.end();
    return client;
  },
  client_push_timeout: joined(async (client, channel) => {
    await push(client, channel, "slow", {}, 700);
    await push(client, channel, "late", { ms: 900 }, 400);
    await heard(client, '"ms":900', "in");
  }),
  client_refused: async (server) => {
    const client = new Client(server, "/socket", { params: { refuse: "error" } });
    client.socket.connect();
    await client.saw("socket.onClose", 6);
    client.socket.disconnect();
    return client;
  },
  client_server_disconnect: joined(
    async (client, channel, server) => {
      server.endpoint.disconnect("user_socket:js1");
      await client.saw("join -> ok", 2);
      client.say(`state ${JSON.stringify(channel.state)}`);
    },
    { user: "js1" },
  ),
  client_stop: joined(async (client, channel) => {
    await push(client, channel, "stop", {}, 600);
    client.say(`channel state ${JSON.stringify(channel.state)}`);
  }),
  client_unknown_topic: async (server) => {
    const client = new Client(server);
    const channel = client.channel("nope:1");
    client.socket.connect();
    joinReporting(client, channel);
    await client.saw("join -> error");
    channel.leave();
    await client.saw("nope:1 onClose");
    await heard(client, "phx_reply", "in", 2);
    await client.end();
    return client;
  },
};

/** Waits until that many frames on the wire have held `part`. */
async function heard(client: Client, part: string, dir = "in", times = 1): Promise<void> {
  await vi.waitUntil(
    () => client.wire.filter((frame) => frame.dir === dir && JSON.stringify(frame).includes(part)).length >= times,
    { timeout: 10_000 },
  );
}

/** Recordings of phoenix.js that are shown elsewhere. */
const ELSEWHERE: readonly string[] = ["client_musubi_session"];

/** Recordings of phoenix.js that are shown without comparing every frame, and why. */
const SHOWN: Readonly<Record<string, string>> = {
  client_server_restart: "equal, but for how often a client is refused in between, a matter of time",
};

function wireOf(frames: readonly RecordedFrame[]): readonly WireFrame[] {
  return frames
    .filter((frame) => frame.conn !== undefined && frame.note?.startsWith("call only") !== true)
    .map((frame) => {
      const { conn = "", dir, type, data, hex, protocols, status, code, reason, note } = frame;
      if (type === "http") return { conn, dir: dir === "out" ? "out" : "in", type, ...httpDetails(frame) };
      const parsed = data === undefined || type === "upgrade" ? data : jsonOr(data);
      const isClosing = type === "close" && dir === "out";
      const said = type === "client_error" ? note : undefined;
      const details = { data: parsed, hex, protocols, status, ...(isClosing ? {} : { code, reason }), note: said };
      const present = Object.entries(details).filter(([, value]) => value !== undefined);
      // The recorder wrote a failed connect down as its own.
      return { conn, dir: dir === "out" ? "out" : "in", type, ...Object.fromEntries(present) };
    });
}

/** The frames of each connection and direction, in order: how the two directions interleave is a race. */
function byDirection(wire: readonly WireFrame[]): Record<string, unknown[]> {
  const lists: Record<string, unknown[]> = {};
  for (const { conn, dir, ...frame } of wire) (lists[`${conn} ${dir}`] ??= []).push(frame);
  return lists;
}

const record = new CompatibilityRecord("phoenix-js.test.ts");

describe.concurrent("phoenix.js sees of our server what it saw of Phoenix", () => {
  it.for(Object.entries(SCRIPTS))("%s", async ([name, script], { expect: expectHere }) => {
    const server = await startEchoServer();
    try {
      const client = await script(server);
      const { frames } = recording(name);
      const notes = frames.filter(({ type }) => type === "client_event").map(({ note }) => note);
      expectHere(client.events).toEqual(notes);
      expectHere(byDirection(client.wire)).toEqual(byDirection(wireOf(frames)));
      record.saw(name, "equal");
    } finally {
      await server.close();
    }
  });
});

describe("phoenix.js and a server that goes and comes back", () => {
  it("gets 1012, tries again while there is nobody, and rejoins", async () => {
    const first = await startEchoServer();
    const client = new Client(first);
    client.socket.connect();
    joinReporting(client, client.channel("echo:a"));
    await client.saw("join -> ok");
    await first.close();
    await client.saw("socket.onClose", 3);
    const second = await startEchoServer({ port: first.port });
    await client.saw("join -> ok", 2);
    await client.end();
    await second.close();
    const closes = client.events.filter((event) => event.startsWith("socket.onClose"));
    expect(closes[0]).toBe('socket.onClose {"code":1012,"wasClean":true}');
    expect(closes.slice(1, -1)).toEqual(closes.slice(1, -1).map(() => 'socket.onClose {"code":1006,"wasClean":false}'));
  });
});

it("every recording of phoenix.js is repeated or shown elsewhere, and docs/phoenix-compatibility.md says so", () => {
  const names = recordingNames().filter((name) => name.startsWith("client_"));
  expect([...Object.keys(SCRIPTS), ...Object.keys(SHOWN), ...ELSEWHERE].toSorted()).toEqual(names);
  for (const [name, result] of Object.entries(SHOWN)) record.saw(name, result);
  record.checkPage();
});
