import type { JsonValue, PatchOp } from "@musubi/protocol";
import type { Below } from "./random.js";
import { type BenchTree, INBOX, storeOf } from "./tree.js";

/** Envelope texts to be applied one after another to one tree. */
export type Texts = readonly string[];

function textsOf(count: number, opsOf: (index: number) => readonly PatchOp[]): Texts {
  return Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      type: "patch",
      root_id: "App.BoardStore:1",
      base_version: index + 1,
      version: index + 2,
      ops: opsOf(index),
      stream_ops: [],
    }),
  );
}

let changes = 0;

/** A change of a leaf to a value that no other op of this run gives it. */
function leafChange(storePath: string, field: string): PatchOp {
  changes += 1;
  const value: JsonValue = field === "count" ? 1_000_000 + changes : `A new title, number ${changes}`;
  return { op: "replace", path: `${storePath}/${field}`, value };
}

const FIELDS = ["title", "count"] as const;

/** One leaf of a random store changes per envelope. */
export function oneOp(tree: BenchTree, below: Below, count: number): Texts {
  return textsOf(count, () => [leafChange(tree.storePath(below), FIELDS[below(2)] ?? "title")]);
}

/** Ten leaves of random stores change per envelope. */
export function tenOps(tree: BenchTree, below: Below, count: number): Texts {
  return textsOf(count, () =>
    Array.from({ length: 10 }, () => leafChange(tree.storePath(below), FIELDS[below(2)] ?? "title")),
  );
}

/** Ten changes in one random store per envelope. */
export function tenOpsInOneStore(tree: BenchTree, below: Below, count: number): Texts {
  return textsOf(count, () => {
    const path = tree.storePath(below);
    return Array.from({ length: 10 }, (_, index) => leafChange(path, FIELDS[index % 2] ?? "title"));
  });
}

/** A store comes into the inbox per envelope. */
export function insertChild(below: Below, count: number): Texts {
  return textsOf(count, (index) => [
    { op: "add", path: `/inbox/${below(INBOX)}`, value: storeOf("inbox", 1_000_000 + index) },
  ]);
}

/** A store leaves the inbox per envelope. */
export function removeChild(below: Below, count: number): Texts {
  return textsOf(count, (index) => [{ op: "remove", path: `/inbox/${below(INBOX - index)}` }]);
}

/** The whole tree, as a mount's first envelope. */
export function initial(tree: BenchTree): Texts {
  return textsOf(1, () => [{ op: "replace", path: "", value: tree.root }]);
}
