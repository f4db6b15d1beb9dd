import { SeededRandom } from "./seeded-random.js";

/** Something that goes wrong between a client and its server. Plain data: print it, keep it, replay it. */
export type Fault =
  /** Every connection is cut, with what was on its way: on a stream nothing is lost alone. The client sees 1006. */
  | { readonly kind: "cut" }
  /** What goes that way is held for `ms`, then arrives in order: `down` from the server, `up` from the client. */
  | { readonly kind: "delay"; readonly way: "up" | "down"; readonly ms: number }
  /**
   * The next envelope arrives twice, the second time after `after` more frames, but before a root begins anew: what
   * was said to a former life of a root is never heard by the next. Never an initial envelope, which is no duplicate
   * but a restart (protocol.md section 3).
   */
  | { readonly kind: "duplicate"; readonly after: number }
  /**
   * The next envelope is lost alone, which no stream does: as when a server loses it before it is sent. The client
   * learns of the gap with the envelope after it, so a plan has it only when its `kinds` ask for it. Never an initial
   * envelope.
   */
  | { readonly kind: "drop" }
  /** Connections stay open and carry nothing any more, either way; neither end is told, until one of them closes. */
  | { readonly kind: "half_open" }
  /** For `ms` nobody can connect; connections that are open stay so. */
  | { readonly kind: "refuse"; readonly ms: number }
  /** The server goes down, is gone for `ms`, and comes back knowing nobody. */
  | { readonly kind: "restart"; readonly ms: number }
  /** The server's side of the channel crashes (`phx_error`). */
  | { readonly kind: "crash" }
  /** The server closes the channel unasked (`phx_close`), which is final for phoenix.js's channel object. */
  | { readonly kind: "close" };

/** A fault and when it happens: `atMs` milliseconds after the plan begins. */
export interface PlannedFault {
  readonly atMs: number;
  readonly fault: Fault;
}

/** What to draw a plan from. */
export interface FaultPlanOptions {
  /** The same seed and options make the same plan. */
  readonly seed: number;
  /** How many faults; default 20. */
  readonly count?: number;
  /** Milliseconds over which they are spread; default 60 000. */
  readonly overMs?: number;
  /** The kinds to draw from; default {@link FAULT_KINDS}. */
  readonly kinds?: readonly Fault["kind"][];
}

/** Every kind of {@link Fault} that a connection comes back from by itself: all but `drop`. */
export const FAULT_KINDS: readonly Fault["kind"][] = Object.freeze([
  "cut",
  "delay",
  "duplicate",
  "half_open",
  "refuse",
  "restart",
  "crash",
  "close",
]);

/** Draws one fault. Delays last up to 15 s, so that they outlast the client's waits of 10 s now and then. */
export function drawFault(random: SeededRandom, kinds: readonly Fault["kind"][] = FAULT_KINDS): Fault {
  const kind = random.pick(kinds);
  switch (kind) {
    case "delay":
      return { kind, way: random.pick(["up", "down"]), ms: random.integer(1, random.pick([50, 1_000, 15_000])) };
    case "duplicate":
      return { kind, after: random.integer(0, 3) };
    case "refuse":
    case "restart":
      return { kind, ms: random.integer(0, random.pick([100, 5_000, 20_000])) };
    case "cut":
    case "drop":
    case "half_open":
    case "crash":
    case "close":
      return { kind };
  }
}

/** Draws a plan: faults in order of time, to be played by a `FaultyNetwork`. */
export function createFaultPlan(options: FaultPlanOptions): readonly PlannedFault[] {
  const { seed, count = 20, overMs = 60_000, kinds = FAULT_KINDS } = options;
  const random = new SeededRandom(seed);
  const plan = Array.from({ length: count }, () => ({
    atMs: random.integer(0, overMs),
    fault: drawFault(random, kinds),
  }));
  return plan.sort((a, b) => a.atMs - b.atMs);
}
