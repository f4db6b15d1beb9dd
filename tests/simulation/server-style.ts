import { CONNECTION_TOPIC } from "@musubi/protocol";
import type { SeededRandom } from "@musubi/testing";

/** What kind of server a scenario has: protocol.md leaves it the choice. */
export interface ServerStyle {
  readonly topology: "shared" | "channel-per-root";
  /** What a `root_id` is: the id alone, module and id, or a name that is new with every mount. */
  readonly names: "id" | "pair" | "opaque";
  /** Whether a mount of an id that another module has is answered ok, with that one's root. */
  readonly mixesUpNamesakes: boolean;
  readonly hasSessions: boolean;
  /** Whether each root has a slot for files. */
  readonly hasUploads: boolean;
  /** Whether a file that is announced again is known by its `client_ref`. */
  readonly knowsFilesAgain: boolean;
  /** The topics of connections, which share a socket. */
  readonly topics: readonly string[];
  /** Whether the socket is one of `createSocket`. */
  readonly hasKeptSocket: boolean;
  /** Commands that a session remembers at most, and how many bytes of them. */
  readonly window: { readonly entries: number; readonly bytes: number };
  /** `<module>/<id>` of all that can be mounted. */
  readonly pairs: readonly string[];
}

const DISTINCT = ["Board/a", "Board/b", "List/c", "Form/d"];
const SHARED = ["Board/a", "Board/b", "List/a", "Form/a"];
const CONFLICTING = ["Board/a", "Board/b", "List/c", "Form/a"];

/** Draws a kind of server. */
export function drawStyle(random: SeededRandom): ServerStyle {
  const topology = random.chance(0.2) ? "channel-per-root" : "shared";
  const names = random.pick(["id", "id", "pair", "pair", "opaque"] as const);
  const hasSessions = topology === "shared" && random.chance(0.5);
  const window = random.pick([
    { entries: 1_000, bytes: 1 << 20 },
    { entries: 1_000, bytes: 1 << 20 },
    { entries: 8, bytes: 1 << 20 },
    { entries: 1_000, bytes: 1_500 },
  ]);
  // Where a server names roots by their id alone, two modules cannot share one.
  const pairs = names !== "id" || topology !== "shared" ? SHARED : random.chance(0.8) ? CONFLICTING : DISTINCT;
  return {
    topology,
    names,
    mixesUpNamesakes: random.chance(0.6),
    hasSessions,
    hasUploads: random.chance(0.45),
    knowsFilesAgain: random.chance(0.5),
    topics: random.chance(0.3) ? [CONNECTION_TOPIC, "musubi:second"] : [CONNECTION_TOPIC],
    hasKeptSocket: random.chance(0.4),
    window,
    pairs,
  };
}
