import { jsonOr, type WireFrame } from "./recording-transport.js";

/** What is told of an HTTP request or its answer; session tokens are `T`, whoever made them. */
export interface HttpDetails {
  readonly method?: string;
  readonly path?: string;
  readonly body?: unknown;
  readonly status?: number;
}

/** In the words of the recordings, whether they or a `fetch` of now saw it. */
export function httpDetails({
  method,
  path,
  body,
  status,
}: { [Key in keyof HttpDetails]: HttpDetails[Key] | undefined }): HttpDetails {
  return {
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path: path.replace(/token=[^&]+/, "token=T") }),
    ...(typeof body === "string" ? { body: status === undefined ? body.split("\n").map(jsonOr) : answerOf(body) } : {}),
    ...(status === undefined ? {} : { status }),
  };
}

function answerOf(text: string): unknown {
  const { token, messages, ...rest } = JSON.parse(text) as { token?: string; messages?: readonly string[] };
  return {
    ...rest,
    ...(token === undefined ? {} : { token: "T" }),
    ...(messages === undefined ? {} : { messages: messages.map(jsonOr) }),
  };
}

/** Writes down what phoenix.js's `LongPoll` asks and is told, until it is stopped. */
export function recordingFetch(wire: WireFrame[]): { stop(): void } {
  const original = globalThis.fetch;
  let requests = 0;
  globalThis.fetch = async (input, init) => {
    requests += 1;
    const conn = `req${requests}`;
    const { pathname, search } = new URL(input instanceof Request ? input.url : input);
    const path = `${pathname}${search}`;
    wire.push({ conn, dir: "out", type: "http", ...httpDetails({ method: init?.method, path, body: init?.body }) });
    try {
      const response = await original(input, init);
      const body = await response.clone().text();
      wire.push({ conn, dir: "in", type: "http", ...httpDetails({ status: response.status, body }) });
      return response;
    } catch (cause) {
      wire.push({ conn, dir: "in", type: "client_error", note: (cause as Error).name });
      throw cause;
    }
  };
  return {
    stop() {
      globalThis.fetch = original;
    },
  };
}
