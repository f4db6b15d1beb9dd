import { drawFault, type Fault, type SeededRandom } from "@musubi/testing";
import type { CommandMood, JoinMood, MountMood, RootTrouble } from "./moods.js";
import type { UpdateKind } from "./optimistic.js";
import { withPlot } from "./plots.js";
import type { PersisterMood } from "./sim-cache.js";
import type { FileMood } from "./sim-file.js";

/** What a listener does when it is called, the first times. */
export type Reaction = "none" | "add" | "remove" | "throw" | "command" | "unmount";

/**
 * One step of a scenario, as plain data that can be printed and run again. Numbers choose among what is there when
 * the step comes, so that a scenario still makes sense with steps left out.
 */
export type Action =
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "fault"; readonly fault: Fault }
  /** A holder connects, if it is not connected. */
  | { readonly do: "connect"; readonly holder: number; readonly usesAtOnce: boolean }
  | { readonly do: "disconnect"; readonly holder: number }
  | {
      readonly do: "mount";
      readonly holder: number;
      readonly pair: number;
      readonly label: number;
      readonly how: "mountStore" | "openRoot";
      /** With a cache, of this buster. */
      readonly buster?: string;
    }
  /** The state of a root is kept for a mount to come. */
  | { readonly do: "hand_over"; readonly hold: number }
  /** Mounts a root with a state that was handed over; with a cache of its own too, or without. */
  | {
      readonly do: "mount_with";
      readonly holder: number;
      readonly state: number;
      readonly how: "mountStore" | "openRoot";
      readonly isKept: boolean;
    }
  | { readonly do: "unmount"; readonly hold: number }
  | { readonly do: "remount"; readonly hold: number; readonly label: number }
  | {
      readonly do: "command";
      readonly hold: number;
      readonly store: number;
      readonly mood: CommandMood;
      readonly ms: number;
      readonly timeoutMs: number;
      readonly whenOffline: "queue" | "reject";
      readonly abort: "never" | "before" | "later";
      readonly times: number;
      readonly update?: UpdateKind;
    }
  | { readonly do: "abort"; readonly command: number }
  /** Listens to a store that is there, or to one that was or may come. */
  | {
      readonly do: "listen";
      readonly hold: number;
      readonly store: number;
      readonly isThere: boolean;
      readonly react: Reaction;
    }
  | { readonly do: "unlisten"; readonly listener: number }
  /** Selects files, and has them sent at once, after a while, or when asked to. */
  | {
      readonly do: "upload";
      readonly hold: number;
      readonly sizes: readonly number[];
      readonly mood: FileMood;
      readonly start: "at_once" | "after" | "later";
    }
  | {
      readonly do: "upload_act";
      readonly hold: number;
      readonly act: "start" | "cancel" | "cancel_all" | "reset";
      readonly index: number;
    }
  | { readonly do: "upload_trouble"; readonly kind: "cancel" | "error" | "close" | "crash"; readonly index: number }
  /** Reads stores through their proxies. */
  | { readonly do: "read"; readonly hold: number; readonly depth: number }
  | { readonly do: "change"; readonly pair: number; readonly times: number; readonly seed: number }
  | { readonly do: "trouble"; readonly pair: number; readonly kind: RootTrouble }
  /** How the place where states are kept answers from now on. */
  | { readonly do: "persister"; readonly mood: PersisterMood }
  | { readonly do: "clear_cache"; readonly pair?: number }
  /** How the next mount is answered, of any root or of one. */
  | { readonly do: "mood"; readonly mood: MountMood; readonly pair?: number }
  /** How the next join is answered; that one comes when the channel crashes. */
  | { readonly do: "join"; readonly mood: JoinMood; readonly crashes: boolean }
  /** The application closes or opens the socket. */
  | { readonly do: "socket"; readonly open: boolean }
  /** Everything is mended, and both sides have to agree. */
  | { readonly do: "settle" };

const WEIGHTS: Readonly<Record<Action["do"], number>> = {
  wait: 40,
  fault: 5,
  connect: 2,
  disconnect: 1,
  mount: 10,
  hand_over: 3,
  mount_with: 3,
  unmount: 4,
  remount: 2,
  command: 18,
  abort: 1,
  listen: 14,
  unlisten: 2,
  upload: 7,
  upload_act: 3,
  upload_trouble: 4,
  read: 6,
  change: 45,
  trouble: 6,
  persister: 2,
  clear_cache: 1,
  mood: 4,
  join: 2,
  socket: 1,
  settle: 2,
};

const KINDS: readonly Action["do"][] = (Object.keys(WEIGHTS) as Action["do"][]).flatMap((kind) =>
  Array.from({ length: WEIGHTS[kind] }, () => kind),
);

const UPDATES: readonly UpdateKind[] = ["mark", "rename", "count", "count", "throw"];
const FILE_MOODS: readonly FileMood[] = [
  ...Array.from({ length: 4 }, () => "ok" as const),
  ...Array.from({ length: 3 }, () => "slow" as const),
  "external",
  "external",
  "external_failing",
  "refuse",
  "reject_chunk",
  "unreadable",
  "silent",
  "poison",
  "late_answer",
];
const REACTIONS: readonly Reaction[] = [
  ...Array.from({ length: 10 }, () => "none" as const),
  "add",
  "remove",
  "throw",
  "command",
  "unmount",
];

/** A scenario of `length` steps, begun by a client that has a root. */
export function drawActions(random: SeededRandom, length: number): readonly Action[] {
  const actions: Action[] = [
    ...(random.chance(0.05) ? [{ do: "join", mood: drawJoinMood(random), crashes: false } as const] : []),
    { do: "connect", holder: 0, usesAtOnce: random.chance(0.3) },
    { do: "connect", holder: 1, usesAtOnce: false },
    { do: "wait", ms: 100 },
    { do: "mount", holder: 0, pair: 0, label: 0, how: "mountStore" },
    { do: "wait", ms: 100 },
    { do: "listen", hold: 0, store: 0, isThere: true, react: "none" },
  ];
  while (actions.length < length) actions.push(drawAction(random));
  return random.chance(0.55) ? withPlot(random, actions) : actions;
}

function drawAction(random: SeededRandom): Action {
  const any = (): number => random.integer(0, 999);
  const kind = random.pick(KINDS);
  switch (kind) {
    case "wait":
      return {
        do: kind,
        ms: random.integer(0, random.pick([5, 50, 100, 100, 100, 300, 1_000, 4_000, 12_000, 40_000])),
      };
    case "fault":
      return { do: kind, fault: drawFault(random) };
    case "connect":
      return { do: kind, holder: any(), usesAtOnce: random.chance(0.3) };
    case "disconnect":
      return { do: kind, holder: any() };
    case "mount":
      return {
        do: kind,
        holder: any(),
        pair: any(),
        label: random.pick([0, 0, 1]),
        how: random.pick(["mountStore", "openRoot"]),
        ...(random.chance(0.5) ? { buster: random.pick(["one", "one", "one", "two"]) } : {}),
      };
    case "hand_over":
      return { do: kind, hold: any() };
    case "mount_with":
      return {
        do: kind,
        holder: any(),
        state: any(),
        how: random.pick(["mountStore", "openRoot"]),
        isKept: random.chance(0.5),
      };
    case "unmount":
      return { do: kind, hold: any() };
    case "remount":
      return { do: kind, hold: any(), label: random.integer(0, 3) };
    case "command":
      return {
        do: kind,
        hold: any(),
        store: any(),
        mood: random.pick([
          "ok",
          "ok",
          "ok",
          "reply_first",
          "reply_first",
          "fail",
          "silent",
          "lost",
          "odd",
          "late",
          "late",
          "down",
          "crash",
        ]),
        ms: random.integer(0, random.pick([100, 15_000])),
        timeoutMs: random.pick([10_000, 10_000, 10_000, 500, 40_000]),
        whenOffline: random.pick(["queue", "queue", "reject"]),
        abort: random.pick(["never", "never", "never", "never", "never", "never", "never", "later", "before"]),
        ...(random.chance(0.03)
          ? { times: 120 }
          : {
              times: random.chance(0.1) ? 3 : 1,
              ...(random.chance(0.6) ? { update: random.pick(UPDATES) } : {}),
            }),
      };
    case "abort":
      return { do: kind, command: any() };
    case "listen":
      return { do: kind, hold: any(), store: any(), isThere: random.chance(0.7), react: random.pick(REACTIONS) };
    case "unlisten":
      return { do: kind, listener: any() };
    case "upload":
      return {
        do: kind,
        hold: any(),
        sizes: Array.from({ length: random.pick([1, 1, 2, 4]) }, () => random.pick([0, 9, 61, random.integer(1, 60)])),
        mood: random.pick(FILE_MOODS),
        start: random.pick(["at_once", "at_once", "after", "later"]),
      };
    case "upload_act":
      return { do: kind, hold: any(), act: random.pick(["start", "cancel", "cancel_all", "reset"]), index: any() };
    case "upload_trouble":
      return { do: kind, kind: random.pick(["cancel", "error", "close", "crash", "crash"]), index: any() };
    case "read":
      return { do: kind, hold: any(), depth: random.integer(0, 3) };
    case "change":
      return { do: kind, pair: any(), times: random.pick([1, 1, 1, 2, 5]), seed: any() };
    case "trouble":
      return {
        do: kind,
        pair: any(),
        kind: random.pick([
          "gap",
          "wrong_op",
          "wrong_shape",
          "first_again",
          "restart",
          "restart",
          "down",
          "down_for_good",
        ]),
      };
    case "persister":
      return {
        do: kind,
        mood: random.pick(["at_once", "at_once", "late", "late", "never", "throws", "rejects", "malformed"]),
      };
    case "clear_cache":
      return { do: kind, ...(random.chance(0.5) ? { pair: any() } : {}) };
    case "mood":
      return { do: kind, mood: drawMood(random) };
    case "join":
      return { do: kind, mood: drawJoinMood(random), crashes: random.chance(0.7) };
    case "socket":
      return { do: kind, open: random.chance(0.8) };
    case "settle":
      return { do: kind };
  }
}

function drawMood(random: SeededRandom): MountMood {
  const ms = random.integer(1, random.pick([100, 9_000, 25_000]));
  return random.pick<MountMood>([
    {
      kind: "early",
      changes: random.pick([0, 1, 3, 80]),
      down: random.pick(["no", "no", "no", "no", "retry", "for_good"]),
    },
    { kind: "slow", ms },
    { kind: "late_initial", ms },
    { kind: "refuse" },
    { kind: "stillborn", retry: random.chance(0.6) },
    { kind: "phantom" },
    { kind: "stuck" },
    { kind: "crash" },
  ]);
}

function drawJoinMood(random: SeededRandom): JoinMood {
  return random.pick(["refuse", "refuse", "moved", "silent"]);
}
