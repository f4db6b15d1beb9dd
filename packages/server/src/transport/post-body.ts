import type { IncomingMessage } from "node:http";

/** Lines of one POST that are taken, phoenix.js's own batch size; Phoenix drops the rest without a word. */
const MAX_LINES = 100;

const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a request's body, up to a bound; `gone` when its client has gone meanwhile, `given up` when somebody has called
 * what it puts into `giveUps` until then. Never rejects.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  giveUps: Set<() => void>,
): Promise<Buffer | "too large" | "gone" | "given up"> {
  let giveUp = (): void => {};
  const body = new Promise<Buffer | "too large" | "gone" | "given up">((resolve) => {
    if (Number(request.headers["content-length"]) > maxBytes) {
      resolve("too large");
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    giveUp = () => {
      bytes = Number.POSITIVE_INFINITY;
      chunks.length = 0;
      resolve("given up");
    };
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      resolve("too large");
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", () => resolve("gone"));
    request.on("close", () => resolve("gone"));
  });
  giveUps.add(giveUp);
  return body.finally(() => giveUps.delete(giveUp));
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
