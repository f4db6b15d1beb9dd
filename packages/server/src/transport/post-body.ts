import type { IncomingMessage } from "node:http";

/** Lines of one POST that are taken, phoenix.js's own batch size; Phoenix drops the rest without a word. */
const MAX_LINES = 100;

const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What came of reading a body. `given up`: somebody called what was put into `giveUps` meanwhile. */
type ReadBody = Buffer | "too large" | "gone" | "given up";

/** Reads a request's body, up to a bound; `gone` when its client has gone meanwhile. Never rejects. */
export function readBody(request: IncomingMessage, maxBytes: number, giveUps: Set<() => void>): Promise<ReadBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isSettled = false;
    const settle = (body: ReadBody): void => {
      isSettled = true;
      chunks.length = 0;
      giveUps.delete(giveUp);
      resolve(body);
    };
    const giveUp = (): void => settle("given up");
    giveUps.add(giveUp);
    if (Number(request.headers["content-length"]) > maxBytes) {
      settle("too large");
      return;
    }
    request.on("data", (chunk: Buffer) => {
      if (isSettled) return;
      bytes += chunk.length;
      if (bytes > maxBytes) settle("too large");
      else chunks.push(chunk);
    });
    request.on("end", () => settle(Buffer.concat(chunks)));
    request.on("error", () => settle("gone"));
    request.on("close", () => settle("gone"));
  });
}

/**
 * The messages in a POST: of `application/x-ndjson` one a line, text where it starts with `[` and base64 of a binary
 * message otherwise; of any other type one text message (FRAMES.md, "Longpoll").
 */
export function messagesOf(
  body: Buffer,
  contentType: string | undefined,
): readonly (string | Uint8Array)[] | "no UTF-8" | "no base64" {
  let text: string;
  try {
    text = UTF_8.decode(body);
  } catch {
    return "no UTF-8";
  }
  if (contentType?.split(";")[0]?.trim().toLowerCase() !== "application/x-ndjson") return [text];
  const messages: (string | Uint8Array)[] = [];
  for (const line of text.split(/\r?\n/, MAX_LINES)) {
    if (line.startsWith("[")) {
      messages.push(line);
      continue;
    }
    const bytes = Buffer.from(line, "base64");
    // Node skips what is no base64.
    if (bytes.toString("base64") !== line) return "no base64";
    messages.push(bytes);
  }
  return messages;
}
