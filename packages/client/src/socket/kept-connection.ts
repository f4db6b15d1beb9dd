import type { Clock } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import { ObservableValue, type Unsubscribe } from "../observable.js";
import { askApp } from "./ask-app.js";
import { watchClock } from "./clock-jump.js";
import type { LastingBackoff } from "./lasting-backoff.js";
import { isPageHidden, watchPage } from "./page.js";
import { type SocketDetail, type SocketReason, transportOf } from "./socket-detail.js";
import {
  hasTransport,
  isOpenState,
  isWanted,
  nextSocketState,
  type SocketEvent,
  type SocketState,
} from "./socket-state.js";
import type { TokenSource } from "./token-source.js";

/** What a {@link KeptConnection} does to the socket it keeps. */
export interface SocketPort {
  /** Makes a transport with this token in its address. May throw. */
  open(token: string | undefined): void;
  /** Ends the transport, and whatever the socket meant to do about its loss. */
  close(): void;
  /** Sends a heartbeat; its answer is to be told with `handleProbeAnswer`. */
  probe(): void;
  /** Whether the socket has a transport that is open or may come to be. */
  hasLiveTransport(): boolean;
}

/** What a {@link KeptConnection} needs. */
export interface KeptConnectionOptions {
  readonly port: SocketPort;
  readonly tokens: TokenSource;
  readonly backoff: LastingBackoff;
  readonly isFinalClose: (code: number, text: string) => boolean;
  readonly openTimeoutMs: number;
  readonly probeTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const nothing: Unsubscribe = () => {};

/** Drives {@link nextSocketState}: owns the token, the timers and the listeners that each state needs. */
export class KeptConnection {
  readonly detail: ObservableValue<SocketDetail>;
  readonly #options: KeptConnectionOptions;
  readonly #events: { readonly event: SocketEvent; readonly reason: SocketReason | null | undefined }[] = [];
  #state: SocketState = "idle";
  /** Ends what the present state owns. */
  #leave: Unsubscribe = nothing;
  #unwatchPage: Unsubscribe | null = null;
  #unwatchClock: Unsubscribe = nothing;
  #token: string | undefined;
  #reason: SocketReason | null = null;
  #nextRetryAt: number | null = null;
  #isDraining = false;

  constructor(options: KeptConnectionOptions) {
    this.#options = options;
    const initial = { transport: transportOf("idle"), nextRetryAt: null, reason: null, since: options.clock.now() };
    this.detail = new ObservableValue<SocketDetail>(initial, options.logger);
  }

  /** The app, or phoenix.js for it, wants a connection. Does nothing while one is there or on its way. */
  connect(): void {
    this.#dispatch("connect");
  }

  /** The app wants none; it ends the transport itself. */
  disconnect(): void {
    this.#dispatch("disconnect", { kind: "disconnected" });
  }

  handleOpen(): void {
    this.#dispatch("opened", null);
  }

  handleClose(reason: SocketReason & { readonly kind: "closed" }): void {
    // An older transport's close can come after the next was made.
    if (this.#options.port.hasLiveTransport()) return;
    const { isFinalClose, logger } = this.#options;
    const isFinal = askApp("isFinalClose", () => isFinalClose(reason.closeCode, reason.text), logger);
    this.#dispatch(isFinal ? "closed_finally" : "closed", reason);
  }

  /** The transport's server is elsewhere by now, where the port connects from here on. */
  move(url: string): void {
    this.#dispatch("moved", { kind: "moved", url });
  }

  handleProbeAnswer(): void {
    this.#dispatch("probe_answered");
  }

  /** The transport may be gone without a close to be heard; looks once a close that comes now has been told. */
  handleDoubt(): void {
    queueMicrotask(() => {
      if (hasTransport(this.#state) && !this.#options.port.hasLiveTransport()) {
        this.#dispatch("closed", { kind: "lost" });
      }
    });
  }

  /** Events that come of handling one are handled after it, in order. Tells of the outcome once. */
  #dispatch(event: SocketEvent, reason?: SocketReason | null): void {
    this.#events.push({ event, reason });
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      this.#step(next.event, next.reason);
    }
    this.#isDraining = false;
    this.#publish();
  }

  #step(event: SocketEvent, reason: SocketReason | null | undefined): void {
    const from = this.#state;
    const to = nextSocketState(from, event);
    if (to === from) return;
    this.#leave();
    this.#leave = nothing;
    this.#state = to;
    this.#nextRetryAt = null;
    if (reason !== undefined) this.#reason = reason;
    if (isOpenState(from) && !isOpenState(to)) {
      this.#unwatchClock();
      this.#options.backoff.ended();
    }
    if (hasTransport(from) && !hasTransport(to) && to !== "idle") this.#options.port.close();
    if (isWanted(to)) {
      this.#unwatchPage ??= this.#watchPage();
    } else {
      this.#unwatchPage?.();
      this.#unwatchPage = null;
    }
    this.#leave = this.#enter(to, from);
  }

  /** Begins what a state owns; returns what ends it. */
  #enter(state: SocketState, from: SocketState): Unsubscribe {
    switch (state) {
      case "authorizing":
        return this.#authorize();
      case "opening":
        return this.#open();
      case "open":
        if (from === "opening") {
          this.#options.backoff.began();
          this.#unwatchClock = watchClock(this.#options.clock, () => {
            // A hidden page's timers are late by design, and it is probed when it is seen.
            if (!isPageHidden()) this.#dispatch("nudged");
          });
        }
        return nothing;
      case "probing":
        return this.#probe();
      case "waiting":
        return this.#wait();
      case "idle":
      case "hidden":
      case "stopped":
        return nothing;
    }
  }

  #authorize(): Unsubscribe {
    return this.#options.tokens.read({
      onToken: (token) => {
        this.#token = token;
        this.#dispatch("authorized");
      },
      onFailure: (error) => {
        this.#options.logger.error("No token to connect with; it is asked for again.", error);
        this.#dispatch("failed", { kind: "token_failed" });
      },
    });
  }

  #open(): Unsubscribe {
    const { port, logger, openTimeoutMs } = this.#options;
    try {
      port.open(this.#token);
    } catch (cause) {
      logger.error("The transport could not be made; it is tried again.", cause);
      this.#dispatch("failed", { kind: "transport_failed" });
      return nothing;
    }
    return this.#after(openTimeoutMs, "failed", { kind: "open_timeout" });
  }

  #probe(): Unsubscribe {
    const { port, probeTimeoutMs } = this.#options;
    port.probe();
    return this.#after(probeTimeoutMs, "probe_overdue", { kind: "probe_unanswered" });
  }

  #wait(): Unsubscribe {
    if (isPageHidden()) {
      this.#dispatch("page_hidden");
      return nothing;
    }
    const delayMs = this.#options.backoff.nextMs();
    this.#nextRetryAt = this.#options.clock.now() + delayMs;
    return this.#after(delayMs, "retry_due");
  }

  #after(delayMs: number, event: SocketEvent, reason?: SocketReason): Unsubscribe {
    const { clock } = this.#options;
    const timer = clock.setTimeout(() => this.#dispatch(event, reason), delayMs);
    return () => clock.clearTimeout(timer);
  }

  #watchPage(): Unsubscribe {
    return watchPage({
      onShown: () => this.#dispatch("page_shown"),
      onHidden: () => this.#dispatch("page_hidden"),
      onOnline: () => this.#dispatch("nudged"),
    });
  }

  #publish(): void {
    const { current } = this.detail;
    const transport = transportOf(this.#state);
    const [nextRetryAt, reason] = [this.#nextRetryAt, this.#reason];
    if (current.transport === transport && current.nextRetryAt === nextRetryAt && current.reason === reason) return;
    const since = current.transport === transport ? current.since : this.#options.clock.now();
    this.detail.set({ transport, nextRetryAt, reason, since });
  }
}
