import type { SeededRandom } from "@musubi/testing";
import type { Action } from "./actions.js";

/** Steps that lead to something rare, to be put among steps drawn at random. */
type Plot = (random: SeededRandom) => readonly Action[];

const PLOTS: readonly Plot[] = [
  // A root that crashes its server again and again.
  (random) => {
    const pair = random.integer(0, 3);
    const mood: Action = { do: "mood", mood: { kind: "crash" }, pair };
    const isMountedBefore = random.chance(0.4);
    return [
      ...(isMountedBefore ? [mountOf(random, pair), waitFor(200)] : []),
      mood,
      mood,
      mood,
      isMountedBefore ? { do: "trouble", pair, kind: "wrong_op" } : mountOf(random, pair),
      waitFor(random.pick([500, 20_000])),
    ];
  },
  // A connection that both ends take for dead at different times.
  (random) => [
    { do: "fault", fault: { kind: "half_open" } },
    { do: "change", pair: 0, times: random.integer(0, 3), seed: random.integer(0, 999) },
    waitFor(random.integer(30_000, 75_000)),
  ],
  // A first join that is refused while roots are waiting for it.
  (random) => [
    { do: "disconnect", holder: 0 },
    { do: "disconnect", holder: 1 },
    { do: "disconnect", holder: 2 },
    { do: "join", mood: random.pick(["refuse", "moved"]), crashes: false },
    { do: "connect", holder: 0, usesAtOnce: true },
    mountOf(random, 0),
    mountOf(random, 1),
    waitFor(500),
    { do: "connect", holder: 1, usesAtOnce: false },
    waitFor(500),
    mountOf(random, 0),
    waitFor(200),
  ],
  // A client that leaves while mounts are on their way.
  (random) => [
    { do: "mood", mood: { kind: "slow", ms: 5_000 } },
    mountOf(random, 0),
    mountOf(random, 1),
    waitFor(random.pick([0, 10, 100])),
    { do: "disconnect", holder: 0 },
    { do: "disconnect", holder: 1 },
    { do: "disconnect", holder: 2 },
    waitFor(random.pick([0, 100, 6_000])),
    { do: "connect", holder: 2, usesAtOnce: true },
  ],
  // A root that ends before it has begun.
  (random) => {
    const pair = random.integer(0, 3);
    return [
      { do: "mood", mood: { kind: "stillborn", retry: random.chance(0.3) }, pair },
      mountOf(random, pair),
      waitFor(300),
    ];
  },
  // Other params, while there is no way to tell the server.
  (random) => [
    mountOf(random, 0),
    waitFor(200),
    { do: "fault", fault: { kind: random.pick(["crash", "close", "cut"]) } },
    waitFor(random.integer(0, 60)),
    { do: "remount", hold: random.integer(0, 9), label: random.integer(0, 3) },
    waitFor(2_000),
  ],
  // A channel that ends while a mount is on its way over it.
  (random) => [
    { do: "unmount", hold: 0 },
    waitFor(300),
    { do: "mood", mood: { kind: "slow", ms: 3_000 } },
    mountOf(random, random.integer(0, 3)),
    mountOf(random, random.integer(0, 3)),
    waitFor(random.integer(0, 60)),
    { do: "fault", fault: { kind: random.pick(["crash", "close", "cut"]) } },
    waitFor(4_000),
  ],
  // A restart in place while updates are shown, answered and not.
  (random) => [
    mountOf(random, 0),
    waitFor(200),
    command(random),
    command(random),
    waitFor(random.integer(20, 120)),
    { do: "trouble", pair: random.integer(0, 3), kind: "restart" },
    { do: "trouble", pair: 0, kind: "restart" },
    waitFor(800),
  ],
  // Two modules that may have one id, mounted across each other.
  (random) => {
    const slow: Action = { do: "mood", mood: { kind: "slow", ms: random.integer(30, 120) }, pair: 0 };
    const begin: readonly Action[] = random.chance(0.5)
      ? [slow, mountOf(random, 0)]
      : [mountOf(random, 0), waitFor(200), slow, { do: "trouble", pair: 0, kind: "gap" }];
    return [...begin, waitFor(random.integer(0, 60)), mountOf(random, 3), waitFor(500)];
  },
  // A root that comes back to find that another module has its id.
  (random) => [
    mountOf(random, 0),
    waitFor(200),
    { do: "trouble", pair: 0, kind: "down" },
    waitFor(20),
    mountOf(random, 3),
    waitFor(3_000),
  ],
];

/** Those that take several things in a row to come off, and so more tries. */
const LONG_PLOTS: readonly Plot[] = [
  // Files on their way through losses, and roots that begin anew under them.
  (random) => [
    mountOf(random, 0),
    waitFor(200),
    upload(random),
    waitFor(random.integer(40, 400)),
    random.pick<Action>([
      { do: "fault", fault: { kind: "cut" } },
      { do: "fault", fault: { kind: "cut" } },
      { do: "fault", fault: { kind: "crash" } },
      { do: "trouble", pair: 0, kind: "restart" },
      { do: "trouble", pair: 0, kind: "gap" },
      { do: "upload_trouble", kind: "close", index: 0 },
      { do: "upload_trouble", kind: "crash", index: 0 },
      { do: "upload_trouble", kind: "crash", index: 1 },
      { do: "upload_trouble", kind: "crash", index: 2 },
    ]),
    waitFor(random.pick([50, 300, 3_000])),
    upload(random),
    waitFor(random.pick([50, 3_000])),
  ],
  // A server that ends files while they are on their way.
  (random) => [
    mountOf(random, 0),
    waitFor(200),
    { ...upload(random), sizes: [60, random.integer(20, 60)], mood: random.pick(["slow", "slow", "external"]) },
    waitFor(random.integer(150, 400)),
    { do: "upload_trouble", kind: random.pick(["cancel", "cancel", "error"]), index: random.integer(0, 1) },
    waitFor(2_000),
  ],
  // The answer to an announcement is lost.
  (random) => [
    mountOf(random, 0),
    waitFor(200),
    { ...upload(random), mood: "late_answer", hold: 0 },
    waitFor(random.integer(30, 60)),
    { do: "fault", fault: { kind: "cut" } },
    ...(random.chance(0.3)
      ? ([waitFor(random.integer(0, 100)), { do: "fault", fault: { kind: "cut" } }] as const)
      : []),
    waitFor(3_000),
  ],
  // A root that is mounted again from what was kept of it.
  (random) => {
    const pair = random.integer(0, 3);
    const mount: Action = {
      do: "mount",
      holder: 0,
      pair,
      label: 0,
      how: random.pick(["mountStore", "openRoot"]),
      buster: "one",
    };
    return [
      { do: "disconnect", holder: 0 },
      { do: "disconnect", holder: 1 },
      { do: "disconnect", holder: 2 },
      { do: "connect", holder: 0, usesAtOnce: true },
      waitFor(200),
      mount,
      waitFor(random.pick([300, 1_500, 3_000])),
      { do: "change", pair, times: 2, seed: random.integer(0, 999) },
      waitFor(random.pick([50, 1_500])),
      random.pick<Action>([
        { do: "unmount", hold: 0 },
        { do: "disconnect", holder: 0 },
      ]),
      waitFor(random.pick([100, 1_000, 5_000, 100_000])),
      random.pick<Action>([
        waitFor(0),
        { do: "mood", mood: { kind: "refuse" }, pair },
        { do: "mood", mood: { kind: "slow", ms: 2_000 }, pair },
        { do: "fault", fault: { kind: "refuse", ms: 3_000 } },
        { do: "persister", mood: "late" },
        { do: "persister", mood: "late" },
      ]),
      { do: "fault", fault: { kind: "delay", way: "down", ms: random.pick([1, 2_000]) } },
      { do: "connect", holder: 0, usesAtOnce: true },
      mount,
      { do: "listen", hold: 0, store: 0, isThere: true, react: "none" },
      command(random),
      waitFor(random.pick([0, 20, 1_000, 5_000])),
    ];
  },
  // A page that starts from what another one, or a server, made of a root.
  (random) => [
    mountOf(random, random.integer(0, 3)),
    waitFor(200),
    { do: "hand_over", hold: random.integer(0, 3) },
    { do: "hand_over", hold: 0 },
    { do: "change", pair: 0, times: random.integer(0, 2), seed: random.integer(0, 999) },
    { do: "disconnect", holder: 0 },
    { do: "disconnect", holder: 1 },
    { do: "disconnect", holder: 2 },
    waitFor(random.pick([100, 5_000])),
    random.pick<Action>([
      waitFor(0),
      { do: "mood", mood: { kind: "refuse" } },
      { do: "mood", mood: { kind: "slow", ms: 2_000 } },
      { do: "fault", fault: { kind: "refuse", ms: 3_000 } },
      { do: "persister", mood: "late" },
    ]),
    { do: "connect", holder: 0, usesAtOnce: true },
    {
      do: "mount_with",
      holder: 0,
      state: random.integer(0, 9),
      how: random.pick(["mountStore", "openRoot"]),
      isKept: random.chance(0.5),
    },
    { do: "listen", hold: 0, store: 0, isThere: true, react: "none" },
    command(random),
    waitFor(random.pick([0, 20, 1_000, 5_000])),
  ],
  // A server that sends its client on and on, and addresses where nobody answers.
  (random) => [
    ...Array.from({ length: random.integer(1, 9) }, (): Action => ({ do: "join", mood: "moved", crashes: false })),
    ...random.pick<readonly Action[]>([
      [{ do: "fault", fault: { kind: random.pick(["crash", "cut"]) } }],
      [0, 1, 2].map((holder) => ({ do: "disconnect", holder })),
    ]),
    { do: "connect", holder: random.integer(0, 2), usesAtOnce: random.chance(0.5) },
    waitFor(random.integer(0, 100)),
    random.pick<Action>([{ do: "fault", fault: { kind: "refuse", ms: 3_000 } }, waitFor(0)]),
    waitFor(random.pick([100, 3_000, 20_000])),
    { do: "fault", fault: { kind: "cut" } },
    { do: "connect", holder: random.integer(0, 2), usesAtOnce: true },
    waitFor(3_000),
  ],
  // Two modules that may have one id, mounted by a client that does not know yet what its server does of that.
  (random) => [
    { do: "disconnect", holder: 0 },
    { do: "disconnect", holder: 1 },
    { do: "disconnect", holder: 2 },
    { do: "connect", holder: 0, usesAtOnce: true },
    waitFor(random.pick([0, 100])),
    mountOf(random, 0),
    mountOf(random, 3),
    waitFor(500),
    { do: "change", pair: 0, times: 2, seed: random.integer(0, 999) },
    waitFor(random.pick([0, 100])),
  ],
  // Commands on their way through losses, in one session.
  (random) => [
    command(random),
    command(random),
    waitFor(random.integer(0, 30)),
    { do: "fault", fault: { kind: "cut" } },
    command(random),
    waitFor(random.pick([20, 500, 3_000])),
    { do: "fault", fault: { kind: "cut" } },
    waitFor(2_000),
  ],
];

/** Puts a plot somewhere into `actions`. */
export function withPlot(random: SeededRandom, actions: readonly Action[]): readonly Action[] {
  const at = random.integer(6, actions.length);
  const plot = random.chance(0.5) ? random.pick(LONG_PLOTS) : random.pick(PLOTS);
  return [...actions.slice(0, at), ...plot(random), ...actions.slice(at)];
}

function waitFor(ms: number): Action {
  return { do: "wait", ms };
}

function mountOf(random: SeededRandom, pair: number): Action {
  return { do: "mount", holder: 0, pair, label: 0, how: random.pick(["mountStore", "openRoot"]) };
}

function upload(random: SeededRandom): Extract<Action, { do: "upload" }> {
  const sizes = [random.integer(20, 60), random.integer(0, 60)];
  return {
    do: "upload",
    hold: random.integer(0, 2),
    sizes,
    mood: random.pick(["ok", "slow", "slow"]),
    start: "at_once",
  };
}

function command(random: SeededRandom): Action {
  return {
    do: "command",
    hold: random.integer(0, 9),
    store: random.integer(0, 9),
    mood: random.pick(["ok", "reply_first", "late"]),
    ms: 100,
    timeoutMs: 10_000,
    whenOffline: "queue",
    abort: "never",
    times: random.integer(1, 3),
    update: random.pick(["mark", "count"]),
  };
}
