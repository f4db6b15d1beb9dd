import { drawFault, type Fault, type SeededRandom } from "@musubi/testing";
import { type Asked, MOODS } from "./sim-process.js";

/** One step of a scenario. Numbers pick one of what there is, whatever there is. */
export type Action =
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "fault"; readonly client: number; readonly fault: Fault }
  /** The process dies, and comes back after a while. */
  | { readonly do: "restart"; readonly ms: number }
  /** A client's line stands still, and once more after it has drained. */
  | { readonly do: "stall"; readonly line: number; readonly ms: number; readonly again: number }
  /** Somebody else changes a page, so often. */
  | { readonly do: "change"; readonly page: number; readonly times: number; readonly seed: number }
  | { readonly do: "note"; readonly page: number; readonly card: number; readonly times: number }
  | { readonly do: "mount"; readonly client: number; readonly page: number; readonly delayMs: number }
  | { readonly do: "unmount"; readonly client: number; readonly hold: number }
  | {
      readonly do: "command";
      readonly client: number;
      readonly hold: number;
      /** A card's, or the page's own where there is none. */
      readonly card: number;
      readonly mood: Asked["mood"];
      readonly times: number;
      readonly seed: number;
    }
  /** Everything is mended, and all have to agree. */
  | { readonly do: "settle" };

const WEIGHTS: Readonly<Record<Action["do"], number>> = {
  wait: 30,
  fault: 6,
  restart: 1,
  stall: 7,
  change: 26,
  note: 6,
  mount: 7,
  unmount: 3,
  command: 14,
  settle: 2,
};

const ALL: readonly Action["do"][] = (Object.keys(WEIGHTS) as Action["do"][]).flatMap((kind) =>
  Array.from({ length: WEIGHTS[kind] }, () => kind),
);

/** A scenario of `length` steps, begun by two clients that show one page. */
export function drawActions(random: SeededRandom, length: number): readonly Action[] {
  const actions: Action[] = [
    { do: "mount", client: 0, page: 0, delayMs: 0 },
    { do: "mount", client: 1, page: 0, delayMs: 0 },
    { do: "wait", ms: 200 },
  ];
  while (actions.length < length) actions.push(draw(random));
  return actions;
}

function draw(random: SeededRandom): Action {
  const any = (): number => random.integer(0, 999);
  const kind = random.pick(ALL);
  switch (kind) {
    case "wait":
      return { do: kind, ms: random.integer(0, random.pick([5, 50, 100, 300, 1_000, 4_000, 40_000])) };
    case "fault":
      return { do: kind, client: any(), fault: drawFault(random, ["cut", "delay", "half_open", "refuse"]) };
    case "restart":
      return { do: kind, ms: random.integer(0, random.pick([0, 1_000, 20_000])) };
    case "stall":
      return {
        do: kind,
        line: any(),
        ms: random.integer(1, random.pick([50, 1_000, 8_000])),
        again: random.pick([0, 0, 30, 500]),
      };
    case "change":
      return { do: kind, page: any(), times: random.pick([1, 1, 1, 2, 8, 40]), seed: any() };
    case "note":
      return { do: kind, page: any(), card: any(), times: random.pick([1, 1, 5]) };
    case "mount":
      return { do: kind, client: any(), page: any(), delayMs: random.pick([0, 0, 10, 600, 5_000]) };
    case "unmount":
      return { do: kind, client: any(), hold: any() };
    case "command":
      return {
        do: kind,
        client: any(),
        hold: any(),
        card: any(),
        mood: random.pick(MOODS),
        times: random.pick([1, 1, 1, 1, 2, 40]),
        seed: any(),
      };
    case "settle":
      return { do: kind };
    default:
      return kind satisfies never;
  }
}
