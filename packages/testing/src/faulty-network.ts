import { type Clock, decodeTextFrame, isObject, PATCH, type TimerHandle } from "@musubi/protocol";
import type { Fault, PlannedFault } from "./fault-plan.js";
import { Lane } from "./lane.js";
import type { MemoryListener, MemoryPeer } from "./memory-transport.js";

/** The faults that only a server can bring about; `ScriptedServer` is one of this shape. */
export interface FaultTarget {
  /** The server's side of every channel crashes. */
  crash(): void;
  /** The server closes every channel unasked. */
  closeChannel(): void;
  /** The server has restarted, after its connections were cut; for servers that remember clients in between. */
  forgetClients?(): void;
}

/** How a {@link FaultyNetwork} is when nothing is wrong. */
export interface FaultyNetworkOptions {
  /** Time and timers; default the platform's. */
  readonly clock?: Clock;
  /** Milliseconds that a frame takes, asked for each; default 0. Frames of one way never overtake each other. */
  readonly latencyMs?: () => number;
}

interface Link {
  readonly peer: MemoryPeer;
  readonly up: Lane;
  readonly down: Lane;
  /** Tells the server that the client is gone. */
  readonly endServer: (code: number) => void;
  isHalfOpen: boolean;
}

const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
};

/**
 * A network that goes wrong when told to. It stands between clients and a server of the in-memory transport: what
 * `wrap` returns takes the server's place.
 *
 * `inject` brings a fault about now, `play` a whole plan; `heal` ends them all, after which everything that is still
 * open works, so that a test can ask whether both ends agree again.
 */
export class FaultyNetwork {
  /** What was injected, in order, with the clock's time: what to print when a test fails. */
  readonly injected: PlannedFault[] = [];
  readonly #clock: Clock;
  readonly #latencyMs: () => number;
  readonly #links = new Set<Link>();
  readonly #targets = new Set<FaultTarget>();
  readonly #planned = new Set<TimerHandle>();
  #refusesUntil = Number.NEGATIVE_INFINITY;
  /** Duplicates that wait for an envelope. */
  readonly #duplicates: number[] = [];
  /** How many of the next envelopes are lost. */
  #drops = 0;

  constructor(options: FaultyNetworkOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#latencyMs = options.latencyMs ?? (() => 0);
  }

  /** Frames that are on their way. */
  get inFlight(): number {
    let count = 0;
    for (const { up, down } of this.#links) count += up.size + down.size;
    return count;
  }

  /** Puts this network before a server. Crashes and closes go to `target`. */
  wrap(listener: MemoryListener, target?: FaultTarget): MemoryListener {
    if (target !== undefined) this.#targets.add(target);
    return { connect: (url, peer) => this.#connect(listener, url, peer) };
  }

  /** Brings a fault about. One that needs a connection does nothing while there is none. */
  inject(fault: Fault): void {
    const now = this.#clock.now();
    this.injected.push({ atMs: now, fault });
    switch (fault.kind) {
      case "cut":
        this.#cut(Array.from(this.#links));
        return;
      case "delay":
        for (const link of this.#links) link[fault.way].holdUntil(now + fault.ms);
        return;
      case "duplicate":
        this.#duplicates.push(fault.after);
        return;
      case "drop":
        this.#drops++;
        return;
      case "half_open":
        for (const link of this.#links) this.#silence(link);
        return;
      case "refuse":
        this.#refusesUntil = Math.max(this.#refusesUntil, now + fault.ms);
        return;
      case "restart":
        this.#refusesUntil = Math.max(this.#refusesUntil, now + fault.ms);
        this.#cut(Array.from(this.#links));
        for (const target of this.#targets) target.forgetClients?.();
        return;
      case "crash":
        for (const target of this.#targets) target.crash();
        return;
      case "close":
        for (const target of this.#targets) target.closeChannel();
        return;
      default:
        fault satisfies never;
    }
  }

  /** Injects each fault of a plan in its time. Returns what calls off those still to come. */
  play(plan: readonly PlannedFault[]): () => void {
    const timers = plan.map(({ atMs, fault }) => {
      const timer = this.#clock.setTimeout(() => {
        this.#planned.delete(timer);
        this.inject(fault);
      }, atMs);
      this.#planned.add(timer);
      return timer;
    });
    return () => {
      for (const timer of timers) this.#callOff(timer);
    };
  }

  /** Ends all faults: plans are called off, frames go on, everybody may connect, half-open connections are cut. */
  heal(): void {
    for (const timer of Array.from(this.#planned)) this.#callOff(timer);
    this.#refusesUntil = Number.NEGATIVE_INFINITY;
    this.#duplicates.length = 0;
    this.#drops = 0;
    this.#cut(Array.from(this.#links).filter((link) => link.isHalfOpen));
    for (const { up, down } of this.#links) {
      up.release();
      down.release();
    }
  }

  #callOff(timer: TimerHandle): void {
    if (this.#planned.delete(timer)) this.#clock.clearTimeout(timer);
  }

  #connect(listener: MemoryListener, url: string, peer: MemoryPeer): ReturnType<MemoryListener["connect"]> {
    if (this.#clock.now() < this.#refusesUntil) return undefined;
    let server: ReturnType<MemoryListener["connect"]>;
    const end = (): void => {
      this.#links.delete(link);
      link.up.clear();
      link.down.clear();
    };
    const link: Link = {
      peer,
      up: new Lane(this.#clock, this.#latencyMs, (frame) => server?.message(frame)),
      down: new Lane(this.#clock, this.#latencyMs, (frame) => peer.send(frame)),
      endServer: (code) => {
        end();
        server?.close(code);
      },
      isHalfOpen: false,
    };
    server = listener.connect(url, {
      send: (frame) => {
        if (link.isHalfOpen || !this.#links.has(link)) return;
        const base = baseVersionOf(frame);
        if (this.#drops > 0 && base !== undefined && base !== 0) {
          this.#drops--;
          return;
        }
        if (base === 0) link.down.repeatNow();
        link.down.send(frame);
        if (base === undefined || base === 0) return;
        const after = this.#duplicates.shift();
        if (after !== undefined) link.down.repeat(frame, after);
      },
      close: (code) => {
        // Nobody hears it over a half-open connection.
        if (!this.#links.has(link) || link.isHalfOpen) return;
        end();
        peer.close(code);
      },
    });
    if (server === undefined) return undefined;
    this.#links.add(link);
    return {
      message: (frame) => {
        if (!link.isHalfOpen && this.#links.has(link)) link.up.send(frame);
      },
      // Over a half-open connection the server hears nothing of the close until it is cut or the network heals.
      close: (code) => {
        if (this.#links.has(link) && !link.isHalfOpen) link.endServer(code);
      },
    };
  }

  #silence(link: Link): void {
    link.isHalfOpen = true;
    link.up.clear();
    link.down.clear();
  }

  #cut(links: readonly Link[]): void {
    for (const link of links) {
      link.endServer(1006);
      link.peer.close(1006);
    }
  }
}

/** What an envelope builds on: 0 when it begins a root; `undefined` for a frame that holds none. */
function baseVersionOf(frame: string): unknown {
  const { event, payload } = decodeTextFrame(frame);
  return event === PATCH && isObject(payload) ? payload["base_version"] : undefined;
}
