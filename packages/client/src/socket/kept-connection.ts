import type { Clock } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import { type Observable, ObservableValue, type Unsubscribe } from "../observable.js";
import { after } from "./after.js";
import { askApp } from "./ask-app.js";
import { watchClock } from "./clock-jump.js";
import type { LastingBackoff } from "./lasting-backoff.js";
import { isPageHidden, watchPage } from "./page.js";
import type { SocketDetail, SocketReason } from "./socket-detail.js";
import {
  hasTransport,
  isWanted,
  nextSocketState,
  type SocketEvent,
  type SocketState,
  transportOf,
} from "./socket-state.js";
import type { ReadToken } from "./token-source.js";

/** What a {@link KeptConnection} does to the socket it keeps. */
export interface SocketPort {
  /** Makes a transport with this token in its address. May throw. */
  open(token: string | undefined): void;
  /** Ends the transport, and whatever the socket meant to do about its loss. */
  close(): void;
  /** Sends a heartbeat; its answer is to be told as `opened`. */
  probe(): void;
  /** Whether the socket has a transport that is open or may come to be. */
  hasLiveTransport(): boolean;
}

/** What a {@link KeptConnection} needs. */
export interface KeptConnectionOptions {
  readonly port: SocketPort;
  readonly readToken: ReadToken;
  readonly backoff: LastingBackoff;
  readonly isFinalClose: (code: number, text: string) => boolean;
  readonly openTimeoutMs: number;
  readonly probeTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A socket that keeps itself connected. */
export interface KeptConnection {
  readonly detail: Observable<SocketDetail>;
  /** Something happened; `reason` is what an app is told from here on, unless the state stays. */
  handle(event: SocketEvent, reason?: SocketReason | null): void;
  handleClose(reason: SocketReason & { readonly kind: "closed" }): void;
  /** The transport may be gone without a close to be heard; looks once a close that comes now has been told. */
  handleDoubt(): void;
}

const nothing: Unsubscribe = () => {};

/** Drives {@link nextSocketState}: owns the token, the timers and the listeners that each state needs. */
export function keepConnection(options: KeptConnectionOptions): KeptConnection {
  const { port, readToken, backoff, isFinalClose, openTimeoutMs, probeTimeoutMs, clock, logger } = options;
  let state: SocketState = "idle";
  let reason: SocketReason | null = null;
  let nextRetryAt: number | null = null;
  let token: string | undefined;
  /** Ends what the present state owns. */
  let leave = nothing;
  let unwatchPage: Unsubscribe | undefined;
  let unwatchClock = nothing;
  const events: Parameters<KeptConnection["handle"]>[] = [];
  const detail = new ObservableValue<SocketDetail>(
    { transport: "idle", nextRetryAt, reason, since: clock.now() },
    logger,
  );

  /** Events that come of handling one are handled after it, in order. Tells of the outcome once. */
  const handle: KeptConnection["handle"] = (...event) => {
    if (events.push(event) > 1) return;
    for (const each of events) step(...each);
    events.length = 0;
    const { current } = detail;
    const transport = transportOf(state);
    if (current.transport === transport && current.nextRetryAt === nextRetryAt && current.reason === reason) return;
    const since = current.transport === transport ? current.since : clock.now();
    detail.set({ transport, nextRetryAt, reason, since });
  };

  const step: KeptConnection["handle"] = (event, why) => {
    const from = state;
    const to = nextSocketState(from, event);
    if (to === from) return;
    leave();
    state = to;
    nextRetryAt = null;
    if (why !== undefined) reason = why;
    if (transportOf(from) === "open" && transportOf(to) !== "open") {
      unwatchClock();
      backoff.ended();
    }
    if (hasTransport(from) && !hasTransport(to) && to !== "idle") port.close();
    if (isWanted(to)) {
      unwatchPage ??= watchPage(handle);
    } else {
      unwatchPage?.();
      unwatchPage = undefined;
    }
    leave = enter(from);
  };

  /** Begins what the present state owns; returns what ends it. */
  const enter = (from: SocketState): Unsubscribe => {
    switch (state) {
      case "authorizing":
        return readToken(
          (given) => {
            token = given;
            handle("authorized");
          },
          (error) => {
            logger.error("No token to connect with; it is asked for again.", error);
            handle("failed", { kind: "token_failed" });
          },
        );
      case "opening":
        try {
          port.open(token);
        } catch (cause) {
          logger.error("The transport could not be made; it is tried again.", cause);
          handle("failed", { kind: "transport_failed" });
          return nothing;
        }
        return wait(openTimeoutMs, "failed", { kind: "open_timeout" });
      case "open":
        if (from === "opening") {
          backoff.began();
          unwatchClock = watchClock(clock, () => {
            // A hidden page's timers are late by design, and it is probed when it is seen.
            if (!isPageHidden()) handle("nudged");
          });
        }
        return nothing;
      case "probing":
        port.probe();
        return wait(probeTimeoutMs, "failed", { kind: "probe_unanswered" });
      case "waiting": {
        if (isPageHidden()) {
          handle("page_hidden");
          return nothing;
        }
        const delayMs = backoff.nextMs();
        nextRetryAt = clock.now() + delayMs;
        return wait(delayMs, "retry_due");
      }
      case "idle":
      case "hidden":
      case "stopped":
        return nothing;
    }
  };
  const wait = (delayMs: number, ...event: Parameters<KeptConnection["handle"]>): Unsubscribe =>
    after(clock, delayMs, () => handle(...event));

  return {
    detail,
    handle,
    handleClose: (closed) => {
      // An older transport's close can come after the next was made.
      if (port.hasLiveTransport()) return;
      const isFinal = askApp("isFinalClose", () => isFinalClose(closed.closeCode, closed.text), logger);
      handle(isFinal ? "closed_finally" : "closed", closed);
    },
    handleDoubt: () =>
      queueMicrotask(() => {
        if (hasTransport(state) && !port.hasLiveTransport()) handle("closed", { kind: "lost" });
      }),
  };
}
