import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

/** Answers an upgrade request with an HTTP status and ends its connection. */
export function refuseUpgrade(socket: Duplex, status: number, text = ""): void {
  if (socket.destroyed) return;
  // The peer may go away while this is written; nobody is left to care.
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => socket.destroy());
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(text)}`,
    "",
    text,
  ];
  socket.end(lines.join("\r\n"));
}
