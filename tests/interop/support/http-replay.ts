import { expect, vi } from "vitest";
import type { EchoServer } from "./echo-server.js";
import { type RecordedFrame, unclip } from "./fixtures.js";
import { type HttpAnswer, httpRequest } from "./raw-client.js";

/** Headers of long-poll answers that clients and browsers judge by. */
const HEADERS = ["content-type", "cache-control", "access-control-"];

/** Phoenix reads no more of a body; the answer to a longer one can be lost in the reset of its connection. */
const MAX_BODY = 8_000_000;

interface Sent {
  readonly frame: RecordedFrame;
  readonly answer: Promise<HttpAnswer | "reset">;
  isAnswered: boolean;
}

/** Sends a recording's HTTP requests, some of which are held, with this server's session tokens in place of its own. */
export class HttpReplay {
  readonly #server: EchoServer;
  readonly #sent = new Map<string, Sent>();
  readonly #tokens = new Map<string, string>();
  /** How many messages the last answer held. */
  messages = 0;

  constructor(server: EchoServer) {
    this.#server = server;
  }

  /** Sends a request, and waits until it is answered or held. */
  async send(frame: RecordedFrame): Promise<void> {
    const { method = "", path = "", headers = {}, conn = "" } = frame;
    const body = frame.body === undefined ? undefined : unclip({ ...frame, data: frame.body }).text;
    const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, this.#withTokens(value)]));
    const request = { method, path: this.#withTokens(path), headers: own, ...(body === undefined ? {} : { body }) };
    const timers = this.#server.clock.pending;
    const isTooLong = (body?.length ?? 0) > MAX_BODY;
    const answer = httpRequest(this.#server.port, request).catch((cause: unknown) => {
      if (isTooLong) return "reset" as const;
      throw cause;
    });
    const sent: Sent = { frame, answer, isAnswered: false };
    const settled = (): void => {
      sent.isAnswered = true;
    };
    answer.then(settled, settled);
    this.#sent.set(conn, sent);
    await vi.waitUntil(() => sent.isAnswered || this.#server.clock.pending > timers, { timeout: 15_000 });
    // Not all timers are those of held requests: what comes at once has come before what is asked later.
    for (let round = 0; round < 2 && !sent.isAnswered; round++) {
      await httpRequest(this.#server.port, { method: "GET", path: "/nothing", headers: {} });
    }
  }

  /** Whether the server has answered the last request on this connection. */
  isAnswered(conn = ""): boolean {
    return this.#sent.get(conn)?.isAnswered ?? false;
  }

  /** Expects what the recorded server answered on this connection. */
  async expect(recorded: RecordedFrame, where: string): Promise<void> {
    const sent = this.#sent.get(recorded.conn ?? "");
    if (sent === undefined) throw new Error(`nothing was asked before ${where}`);
    const got = await sent.answer;
    if (got === "reset") return;
    expect(got.status, where).toBe(recorded.status);
    const isLongPoll = sent.frame.path?.includes("/longpoll") === true;
    if (!isLongPoll) {
      // The wording is the server's own; that there is a text, or none, is not.
      expect(got.body === "", where).toBe(recorded.body === "");
    } else if (got.status === 200) {
      const { headers = {} } = recorded;
      // A preflight's answer is no message: whether it may be kept is told by its max-age.
      const isPreflight = sent.frame.method === "OPTIONS";
      const judged = HEADERS.filter((name) => !isPreflight || name.startsWith("access"));
      expect(chosen(got.headers, judged), where).toEqual(chosen(headers, judged));
      this.#expectBody(got.body, recorded.body ?? "", where);
    } else {
      // phoenix.js tries again upon an empty body, and hangs upon Phoenix's own.
      expect(got.body, where).toBe("");
      expect(got.headers["access-control-allow-origin"], where).toBe("*");
    }
  }

  #expectBody(got: string, recorded: string, where: string): void {
    if (recorded === "") {
      expect(got, where).toBe("");
      return;
    }
    const ours = parsed(got);
    this.messages = ours.messages?.length ?? 0;
    if (recorded.endsWith("\u2026")) {
      // Cut off: what is there of the messages can be compared.
      const whole = recorded.slice(recorded.indexOf("[") + 1).match(/"(?:[^"\\]|\\.)*"/g) ?? [];
      const first = whole.map((text) => JSON.parse(JSON.parse(text) as string) as unknown);
      expect(ours.messages?.slice(0, first.length), where).toEqual(first);
      return;
    }
    const theirs = parsed(recorded);
    if (theirs.token !== undefined && !this.#tokens.has(theirs.token)) {
      expect(ours.token, where).toMatch(/^[\w-]+\.[\w-]+$/);
      this.#tokens.set(theirs.token, ours.token ?? "");
    }
    const token = theirs.token === undefined ? {} : { token: this.#withTokens(theirs.token) };
    expect(ours, where).toEqual({ ...theirs, ...token });
  }

  #withTokens(text: string): string {
    let own = text;
    for (const [theirs, ours] of this.#tokens) own = own.replaceAll(theirs, ours);
    return own;
  }
}

interface Body {
  readonly status: number;
  readonly token?: string;
  readonly messages?: readonly unknown[];
}

function parsed(body: string): Body {
  const { messages, ...rest } = JSON.parse(body) as Omit<Body, "messages"> & { readonly messages?: readonly string[] };
  if (messages === undefined) return rest;
  // The order of keys in a message is no part of the protocol.
  return { ...rest, messages: messages.map((text) => (text.startsWith("[") ? (JSON.parse(text) as unknown) : text)) };
}

function chosen(headers: Readonly<Record<string, unknown>>, prefixes: readonly string[]): Record<string, unknown> {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix))));
}
