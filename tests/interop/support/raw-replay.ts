import { expect } from "vitest";
import type { EchoServer } from "./echo-server.js";
import { type RecordedFrame, type Recording, unclip } from "./fixtures.js";
import { HttpReplay } from "./http-replay.js";
import { type Observation, RawClient } from "./raw-client.js";

/** An answer that took the recorded server longer than this, in milliseconds, had been held by it. */
const HELD_MS = 1_000;

/**
 * Sends what a recording's client sent and expects of our server what the recorded one did.
 *
 * Every recorded `in` is awaited and compared, every `silence` is checked, and nothing may be left over at the end. Says how many
 * answers that the recorded server had held came at once.
 */
export async function replay(server: EchoServer, recording: Recording): Promise<{ readonly soonerAnswers: number }> {
  const clients = new Map<string, RawClient>();
  const requests = new HttpReplay(server);
  const { frames } = recording;
  let time = 0;
  let soonerAnswers = 0;
  try {
    for (const [at, frame] of frames.entries()) {
      const name = frame.conn ?? "";
      const where = `${recording.scenario}, frame ${at}: ${JSON.stringify(frame).slice(0, 300)}`;
      if (frame.dir === "out") {
        // Time moves between what the client does; the server's clock with it.
        if (frame.t !== undefined && frame.t > time) server.clock.advance(frame.t - time);
        time = Math.max(time, frame.t ?? 0);
      }
      if (frame.type === "http" && frame.dir === "out") {
        await requests.send(frame);
      } else if (frame.type === "http" && !clients.has(name)) {
        const late = (frame.t ?? 0) - time;
        if (late > HELD_MS && requests.isAnswered(name)) {
          soonerAnswers += 1;
        } else if (late > HELD_MS) {
          server.clock.advance(late);
          time += late;
        }
        await requests.expect(frame, where);
      } else if (frame.type === "http_error") {
        // The recorder's own connection: it was reset with the answer before, and the request sent anew.
        continue;
      } else if (frame.dir === "out" && frame.type === "upgrade") {
        const [, path] = (frame.data ?? "").split(" ");
        const url = `ws://127.0.0.1:${server.port}${path}`;
        clients.set(name, new RawClient(url, frame.protocols, frame.headers));
      } else if (frame.type === "note") {
        const count = /^messages in the .*poll: (\d+)$/.exec(frame.note ?? "")?.[1];
        if (count === undefined) await act(server, recording, frame);
        else expect(requests.messages, where).toBe(Number(count));
      } else {
        const client = clients.get(name);
        if (client === undefined) throw new Error(`no connection for ${where}`);
        if (frame.dir === "out") send(client, frame);
        else if (frame.type === "silence") expect(await client.settled(), where).toEqual([]);
        else await expectFrame(server, client, frame, time, where);
      }
    }
    for (const client of clients.values()) expect(await client.settled(), "left over at the end").toEqual([]);
    return { soonerAnswers };
  } finally {
    for (const client of clients.values()) client.webSocket.terminate();
  }
}

function send(client: RawClient, frame: RecordedFrame): void {
  const { webSocket } = client;
  const { text, bytes } = unclip(frame);
  const note = frame.note ?? "";
  switch (frame.type) {
    case "text":
      if (bytes !== undefined) webSocket.send(bytes, { binary: false });
      else if (note.includes("mask bit")) webSocket.send(text ?? "", { mask: false });
      else webSocket.send(text ?? "", { fin: !note.includes("FIN=0") });
      break;
    case "binary":
      webSocket.send(bytes ?? "");
      break;
    case "ping":
      webSocket.ping(bytes);
      break;
    case "raw":
      client.sendRaw(bytes ?? Buffer.alloc(0));
      break;
    case "close":
      webSocket.close(frame.code, frame.reason);
      break;
    default:
      throw new Error(`cannot send ${frame.type}`);
  }
}

async function expectFrame(
  server: EchoServer,
  client: RawClient,
  frame: RecordedFrame,
  time: number,
  where: string,
): Promise<void> {
  // What only time brings: the recorder's ticks, and the close of a socket that was silent for too long.
  if (frame.type === "text" && frame.data?.includes('"tick"') === true) {
    server.endpoints["/socket_fast"]?.broadcast("echo:a", "tick", {});
  } else if (frame.type === "close" && (frame.t ?? 0) - time > 1_500) {
    server.clock.advance((frame.t ?? 0) - time + 6_000);
  }
  const seen = await client.next();
  switch (frame.type) {
    case "upgrade": {
      const { headers = {} } = frame;
      expect(seen, where).toEqual({
        type: "upgrade",
        status: frame.status,
        protocol: headers["sec-websocket-protocol"] ?? "",
        extensions: headers["sec-websocket-extensions"] ?? "",
      });
      break;
    }
    case "text":
      expect(asText(seen), where).toEqual(JSON.parse(unclip(frame).text ?? ""));
      break;
    case "binary":
      expect(seen, where).toEqual({ type: "binary", hex: unclip(frame).bytes?.toString("hex") });
      break;
    case "pong":
      expect(seen, where).toEqual({ type: "pong", hex: frame.hex });
      break;
    case "close":
      expect(seen, where).toEqual({ type: "close", code: frame.code, reason: frame.reason });
      break;
    case "http":
      expect(seen, where).toMatchObject({ type: "http", status: frame.status });
      // The texts of 404 and 500 are the app's.
      if (frame.status === 403) expect(seen, where).toHaveProperty("body", frame.body);
      break;
    case "client_error":
      expect(seen, where).toMatchObject({ type: "client_error" });
      break;
    default:
      throw new Error(`cannot expect ${where}`);
  }
}

/** Does what the recorder had the server do. */
async function act(server: EchoServer, { scenario, frames }: Recording, { note = "" }: RecordedFrame): Promise<void> {
  const call = /Endpoint\.broadcast!\("([^"]+)", "([^"]+)", %\{(?:(\w+): (\d+))?\}\)/.exec(note);
  if (call !== null) {
    const [, topic = "", event = "", key, value] = call;
    const payload = key === undefined ? {} : { [key]: Number(value) };
    server.endpoint.broadcast(topic, event, payload);
  } else if (note.startsWith("server: Endpoint.broadcast! again")) {
    const next = frames.findLast((frame) => frame.data?.includes('"news"') === true);
    const [, , topic, event, payload] = JSON.parse(next?.data ?? "[]") as [null, null, string, string, object];
    server.endpoint.broadcast(topic, event, payload);
  } else if (note.includes("broadcast! three times")) {
    // The recorder had another process do it, one by one.
    for (const n of [1, 2, 3]) {
      server.endpoints["/socket_still"]?.broadcast("echo:a", "tick", { n });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  } else if (note === "server: disconnect") {
    server.endpoints["/socket_still"]?.disconnect("user_socket:lp1");
  } else if (note.includes("SIGTERM")) {
    void server.close();
  } else if (!/^now only|^negotiated|^the process has ended|without a poll/.test(note)) {
    throw new Error(`nothing is known to do for: ${note} (${scenario})`);
  }
}

function asText(seen: Observation): unknown {
  return seen.type === "text" ? JSON.parse(seen.text) : seen;
}
