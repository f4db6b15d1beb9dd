import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isInProcess } from "../channels/pubsub.js";
import type { SessionEnvironment } from "../channels/socket-session.js";
import type { ConnectionSet } from "./connection-set.js";
import { type HandshakeOptions, searchOf, shakeHands } from "./handshake.js";
import type { HttpClaim } from "./http-claims.js";
import { LongPollRelay } from "./long-poll-relay.js";
import { LongPollSession, type LongPollSessionOptions, type Poll, type PollAnswer } from "./long-poll-session.js";
import { messagesOf, readBody } from "./post-body.js";
import type { Secrets } from "../token-signer.js";
import { refuseUpgrade } from "./refuse-upgrade.js";
import { type SessionAddress, SessionTokens } from "./session-tokens.js";

export interface LongPollsOptions {
  readonly environment: SessionEnvironment;
  readonly connections: ConnectionSet;
  readonly handshake: HandshakeOptions;
  /** Largest body of a POST, in bytes. */
  readonly maxBodyBytes: number;
  readonly maxUnsentBytes: number;
  readonly windowMs: number;
  readonly maxSessions: number;
  readonly pubsubTimeoutMs: number;
  readonly secret: Secrets | undefined;
}

/** POSTs of one session that are read at once; phoenix.js sends them one by one. */
const MAX_POSTS = 4;

const NO_SHARED_SECRET =
  "a pubsub of several processes, but no longPoll.secret: give all of them the same, or send each client to one of them";

/**
 * The long-poll side of an endpoint, for phoenix.js's `LongPoll` (FRAMES.md, "Longpoll").
 *
 * GET opens a session or polls it, POST brings its messages; a token says which. The real status is in the body:
 * clients of any origin can read it there.
 */
export class LongPolls {
  /** For `claimPaths`. */
  readonly handlers: Pick<HttpClaim, "request" | "upgrade"> = {
    request: (request, response) => void this.#answer(request, response),
    upgrade: (_request, socket) => refuseUpgrade(socket, 400, "this is a long-poll endpoint"),
  };
  readonly #options: LongPollsOptions;
  readonly #shared: LongPollSessionOptions;
  readonly #handshake: HandshakeOptions;
  readonly #home = randomBytes(9).toString("base64url");
  readonly #tokens: SessionTokens;
  readonly #sessions = new Map<string, LongPollSession>();
  /** Clients whose `connect` hook still runs. */
  readonly #pending = new Set<AbortController>();
  /** POSTs being read, by session: what gives each of them up. */
  readonly #posts = new Map<string, Set<() => void>>();
  /** Of these, those of sessions that live elsewhere. */
  #postsElsewhere = 0;
  readonly #relay: LongPollRelay;
  /** Whether there is nothing to say of the secret, or it has been said. */
  #isWarned: boolean;
  #isStopped = false;

  constructor(options: LongPollsOptions) {
    this.#options = options;
    const { environment, connections, windowMs, maxUnsentBytes, pubsubTimeoutMs } = options;
    const { clock, pubsub } = environment;
    // Every request is judged by its origin, so a handshake need not do it again.
    this.#handshake = { ...options.handshake, checkOrigin: () => true };
    const epochMs = Date.now() - clock.now();
    this.#tokens = new SessionTokens(() => epochMs + clock.now(), options.secret);
    const closed = ({ id }: LongPollSession): void => {
      this.#sessions.delete(id);
      for (const giveUp of this.#posts.get(id) ?? []) giveUp();
    };
    const ended = (session: LongPollSession): void => connections.remove(session);
    this.#shared = { environment, windowMs, maxUnsentBytes, closed, ended };
    const [home, sessions] = [this.#home, this.#sessions];
    this.#relay = new LongPollRelay({ pubsub, clock, home, sessions, windowMs, timeoutMs: pubsubTimeoutMs });
    if (options.secret !== undefined) this.#relay.start();
    this.#isWarned = options.secret !== undefined || isInProcess(pubsub);
  }

  /** From now on every request is refused with 503, those that wait for their `connect` hook included. */
  stop(): void {
    this.#isStopped = true;
    for (const givenUp of this.#pending) givenUp.abort();
    this.#relay.stop();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Upon an error there is nobody left to tell, and an unheard one would end the process.
    response.on("error", ignore);
    try {
      // An empty body makes phoenix.js try again later; a status there that it does not know would leave it hanging.
      if (this.#isStopped) send(response.setHeader("connection", "close"), 503);
      else if (!this.#options.handshake.checkOrigin(request)) sendJson(response, { status: 403 });
      else if (request.method === "OPTIONS") allow(request, response);
      else if (request.method === "GET") await this.#get(request, response);
      else if (request.method === "POST") await this.#post(request, response);
      else send(response, 400);
    } catch (cause) {
      this.#fail(response, cause);
    }
  }

  #fail(response: ServerResponse, cause: unknown): void {
    this.#options.environment.logger.error({ err: cause }, "a long-poll request failed");
    if (!response.headersSent) send(response, 500);
  }

  async #get(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { token, address } = this.#sessionOf(request);
    const session = address?.home === this.#home ? this.#sessions.get(address.id) : undefined;
    if (address === null || (address.home === this.#home && session === undefined)) {
      await this.#open(request, response, address !== null);
      return;
    }
    if (session === undefined && this.#isFull) return this.#refuse(response);
    const poll: Poll = {
      cut: () => void response.destroy(),
      answer: (answer, taken) => {
        response.off("close", forget).once("close", taken);
        if (this.#isStopped) response.setHeader("connection", "close");
        // A session elsewhere has gone: like here, the client gets a new one.
        if (answer.status === 410 && session === undefined && !this.#isStopped) {
          this.#open(request, response, true).catch((cause: unknown) => this.#fail(response, cause));
        } else {
          sendAnswer(response, answer, token);
        }
      },
    };
    let forget = (): void => session?.forget(poll);
    if (session === undefined) forget = this.#relay.poll(address, poll);
    response.once("close", forget);
    session?.poll(poll);
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { address } = this.#sessionOf(request);
    const isHere = address?.home === this.#home;
    if (address === null || (isHere && !this.#sessions.has(address.id))) {
      sendJson(response, { status: 410 });
      return;
    }
    const posts = this.#posts.get(address.id) ?? new Set();
    if (posts.size >= MAX_POSTS || (!isHere && this.#isFull)) return this.#refuse(response);
    this.#posts.set(address.id, posts);
    if (!isHere) this.#postsElsewhere += 1;
    const body = await readBody(request, this.#options.maxBodyBytes, posts);
    if (!isHere) this.#postsElsewhere -= 1;
    if (posts.size === 0) this.#posts.delete(address.id);
    if (body === "gone") return;
    if (body === "given up") return sendJson(response.setHeader("connection", "close"), { status: 410 });
    const messages = typeof body === "string" ? body : messagesOf(body, request.headers["content-type"]);
    if (messages === "too large") send(response.setHeader("connection", "close"), 400);
    else if (messages === "no UTF-8") send(response, 400);
    else if (messages === "no base64") send(response, 500);
    else sendJson(response, { status: await this.#receive(address, isHere, messages) });
  }

  async #receive(
    address: SessionAddress,
    isHere: boolean,
    messages: readonly (string | Uint8Array)[],
  ): Promise<number> {
    if (this.#isStopped) return 410;
    if (!isHere) return this.#relay.receive(address, messages);
    const session = this.#sessions.get(address.id);
    if (session === undefined) return 410;
    return session.receive(messages) ? 200 : 408;
  }

  /** Lets a client in, or not; `hadSession` when its token was one of ours. */
  async #open(request: IncomingMessage, response: ServerResponse, hadSession: boolean): Promise<void> {
    const { maxSessions, connections, environment } = this.#options;
    // Those that have gone count for as long as their channels' code runs, and what they were answered is not taken.
    if (connections.size + this.#pending.size >= maxSessions) {
      environment.logger.warn({ maxSessions }, "a long-poll session is refused: there are too many");
      return this.#refuse(response);
    }
    const search = searchOf(request);
    if (hadSession) dropLastToken(search);
    const authToken = headerOf(request, "x-phoenix-authtoken");
    const givenUp = new AbortController();
    const abort = (): void => givenUp.abort();
    response.once("close", abort);
    this.#pending.add(givenUp);
    const shaken = await shakeHands(request, { search, authToken }, givenUp, this.#handshake);
    this.#pending.delete(givenUp);
    response.off("close", abort);
    if (shaken.status === 403) {
      sendJson(response, { status: 403 });
    } else if (shaken.status !== 101 || this.#isStopped) {
      send(response, this.#isStopped ? 503 : shaken.status);
    } else {
      const session = new LongPollSession(shaken.request, shaken.accepted, this.#shared);
      this.#sessions.set(session.id, session);
      connections.add(session);
      if (!this.#isWarned) environment.logger.warn({}, NO_SHARED_SECRET);
      this.#isWarned = true;
      sendAnswer(response, { status: 410 }, this.#tokens.sign({ home: this.#home, id: session.id }));
    }
  }

  /** Whether more is asked of other endpoints than could be if each session had a poll and a POST under way. */
  get #isFull(): boolean {
    return this.#relay.size + this.#postsElsewhere >= 2 * this.#options.maxSessions;
  }

  #refuse(response: ServerResponse): void {
    this.#options.environment.traffic?.refused("http_503");
    send(response, 503);
  }

  #sessionOf(request: IncomingMessage): { readonly token: string; readonly address: SessionAddress | null } {
    const token = headerOf(request, "x-phoenix-longpoll-token") ?? searchOf(request).getAll("token").at(-1) ?? "";
    return { token, address: this.#tokens.verify(token) };
  }
}

function sendAnswer(response: ServerResponse, answer: PollAnswer, token: string): void {
  if (answer.status === 500) send(response, 500);
  else sendJson(response, { messages: answer.status === 200 ? answer.messages : [], status: answer.status, token });
}

function sendJson(response: ServerResponse, body: object): void {
  response.setHeader("cache-control", "no-store");
  response.setHeader("content-type", "application/json; charset=utf-8");
  send(response, 200, JSON.stringify(body));
}

function send(response: ServerResponse, status: number, text = ""): void {
  response.setHeader("access-control-allow-origin", "*");
  response.writeHead(status, { "content-length": Buffer.byteLength(text) });
  response.end(text);
}

/** Answers the preflight of a browser (Fetch standard, "CORS-preflight fetch"). */
function allow(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("access-control-allow-headers", headerOf(request, "access-control-request-headers") ?? "");
  response.setHeader("access-control-allow-methods", "get, post, options");
  response.setHeader("access-control-max-age", "3600");
  send(response, 200);
}

/** An app's own `token` stands before the session's, which phoenix.js appends. */
function dropLastToken(search: URLSearchParams): void {
  const tokens = search.getAll("token");
  search.delete("token");
  for (const token of tokens.slice(0, -1)) search.append("token", token);
}

function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === "string" ? value : null;
}

function ignore(): void {}
