import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Duplex } from "node:stream";
import type { Clock, TimerHandle } from "@musubi/protocol";
import { systemClock } from "../clock.js";
import { refuseUpgrade } from "./refuse-upgrade.js";

/** A server whose requests and upgrades can be claimed. */
export type HttpServer = Server | SecureServer;

/** A part of an HTTP server's paths that somebody answers. */
export interface HttpClaim {
  /** Whether this path, without its query, is claimed. */
  matches(pathname: string): boolean;
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** How long another listener has to answer an upgrade that nobody claimed, in milliseconds. */
const UNCLAIMED_UPGRADE_MS = 10_000;

const hooks = new WeakMap<HttpServer, ServerHook>();

/**
 * Takes the requests and upgrades of some paths on a server that may have other listeners; returns the undo.
 *
 * Others see everything else and nothing of these: a framework would answer our requests with its own 404, and a
 * second WebSocket server would close our upgrades. An upgrade that nobody takes is answered 404 instead of hanging:
 * at once when there is no other listener, else after ten silent seconds.
 */
export function claimPaths(server: HttpServer, claim: HttpClaim, clock: Clock = systemClock): () => void {
  const hook = hooks.get(server) ?? new ServerHook(server, clock);
  hooks.set(server, hook);
  return hook.add(claim);
}

/** The one hook of a server, whatever number of claims it has. */
class ServerHook {
  readonly #server: HttpServer;
  readonly #clock: Clock;
  /** The newest is first, and wins: what is being closed may go on refusing beneath its successor. */
  #claims: readonly HttpClaim[] = [];
  #uninstall: (() => void) | undefined;

  constructor(server: HttpServer, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  add(claim: HttpClaim): () => void {
    // An identity of its own, so that one claim can be made twice and undone once.
    const own: HttpClaim = {
      matches: (pathname) => claim.matches(pathname),
      request: (request, response) => claim.request(request, response),
      upgrade: (request, socket, head) => claim.upgrade(request, socket, head),
    };
    this.#claims = [own, ...this.#claims];
    this.#uninstall ??= this.#install();
    return () => {
      this.#claims = this.#claims.filter((one) => one !== own);
      if (this.#claims.length > 0) return;
      this.#uninstall?.();
      this.#uninstall = undefined;
    };
  }

  #install(): () => void {
    const server = this.#server;
    // Listeners cannot keep an event from one another, whatever their order, so the event is taken before them.
    const emit: (this: unknown, ...args: never[]) => boolean = Reflect.get(server, "emit");
    const hooked = (event: string | symbol, ...args: unknown[]): boolean => {
      if ((event === "request" || event === "upgrade") && this.#take(event, args)) return true;
      return Reflect.apply(emit, server, [event, ...args]);
    };
    Reflect.set(server, "emit", hooked);
    // Node reports upgrades only to servers that have a listener for them.
    const unclaimed = (_request: IncomingMessage, socket: Duplex): void => this.#watch(socket);
    server.on("upgrade", unclaimed);
    return () => {
      server.off("upgrade", unclaimed);
      // Somebody may have hooked after us: then ours stays beneath, with no claims to take anything for.
      if (Reflect.get(server, "emit") === hooked) Reflect.set(server, "emit", emit);
      else hooks.delete(server);
    };
  }

  #take(event: "request" | "upgrade", args: unknown[]): boolean {
    const request = args[0] as IncomingMessage;
    const url = request.url ?? "";
    const query = url.indexOf("?");
    const pathname = query === -1 ? url : url.slice(0, query);
    for (const claim of this.#claims) {
      if (!claim.matches(pathname)) continue;
      if (event === "request") claim.request(request, args[1] as ServerResponse);
      else claim.upgrade(request, args[1] as Duplex, args[2] as Buffer);
      return true;
    }
    return false;
  }

  #watch(socket: Duplex): void {
    if (this.#server.listenerCount("upgrade") === 1) {
      refuseUpgrade(socket, 404);
      return;
    }
    const written = bytesWritten(socket);
    const timer: TimerHandle = this.#clock.setTimeout(() => {
      socket.off("close", cancel);
      if (bytesWritten(socket) === written) refuseUpgrade(socket, 404);
    }, UNCLAIMED_UPGRADE_MS);
    const cancel = (): void => this.#clock.clearTimeout(timer);
    socket.once("close", cancel);
  }
}

function bytesWritten(socket: Duplex): number {
  return (socket as { bytesWritten?: number }).bytesWritten ?? 0;
}
