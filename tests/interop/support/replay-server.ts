import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { decodeTextFrame, encodeTextFrame, type Frame } from "@musubi/protocol";
import { type WebSocket, WebSocketServer } from "ws";

interface RecordedFrame {
  readonly dir: "in" | "out" | "-";
  readonly type: string;
  readonly data?: string;
}

/** What a client once sent, and what a real server sent until the client spoke again. */
interface Exchange {
  readonly sent: Frame;
  readonly received: readonly Frame[];
}

/** A server that answers as the one that was recorded did. */
export interface ReplayServer {
  readonly url: string;
  /** What came that the recording does not know, as `event payload`. */
  readonly unknown: readonly string[];
  /** What came, as `event payload`, in order. */
  readonly received: readonly string[];
  close(): Promise<void>;
}

/**
 * Serves one recorded scenario over a real WebSocket: each message of the client is looked up by event and payload,
 * each exchange is used once, and the recorded refs are replaced by the client's own.
 */
export async function startReplayServer(file: URL): Promise<ReplayServer> {
  const exchanges = readExchanges(file);
  const unknown: string[] = [];
  const received: string[] = [];
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    let joinRef: Frame["joinRef"] = null;
    socket.on("message", (data: Buffer) => {
      const frame = decodeTextFrame(data.toString("utf8"));
      received.push(nameOf(frame));
      if (frame.event === "phx_join") joinRef = frame.joinRef;
      const index = exchanges.findIndex(({ sent }) => nameOf(sent) === nameOf(frame));
      if (index < 0) unknown.push(nameOf(frame));
      else for (const [exchange] of [exchanges.splice(index, 1)]) answer(socket, exchange as Exchange, frame, joinRef);
    });
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/socket`,
    unknown,
    received,
    close: () =>
      new Promise((resolve) => {
        for (const client of server.clients) client.terminate();
        server.close(() => resolve());
      }),
  };
}

function answer(socket: WebSocket, exchange: Exchange, asked: Frame, joinRef: Frame["joinRef"]): void {
  for (const frame of exchange.received) {
    const isReply = frame.ref !== null && frame.ref === exchange.sent.ref;
    // A crash names the join in both places.
    const ref = isReply ? asked.ref : frame.ref === frame.joinRef ? joinRef : frame.ref;
    socket.send(encodeTextFrame({ ...frame, joinRef, ref }));
  }
}

function nameOf(frame: Frame): string {
  const { event, payload } = frame;
  return `${typeof event === "string" ? event : JSON.stringify(event)} ${JSON.stringify(payload)}`;
}

function readExchanges(file: URL): Exchange[] {
  const { frames } = JSON.parse(readFileSync(file, "utf8")) as { frames: RecordedFrame[] };
  const exchanges: { sent: Frame; received: Frame[] }[] = [];
  for (const { dir, type, data } of frames) {
    if (type !== "text" || data === undefined) continue;
    const frame = decodeTextFrame(data);
    if (dir === "out") exchanges.push({ sent: frame, received: [] });
    else exchanges.at(-1)?.received.push(frame);
  }
  return exchanges;
}
