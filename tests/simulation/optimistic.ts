import type { MountState } from "@musubi/client";
import { STORE_ID_KEY, type StoreId, storeIdKey } from "@musubi/protocol";
import type { Kind } from "./coverage.js";
import { Divergence } from "./divergence.js";
import { PLANNED_ERROR } from "./planned-error.js";

/** What an optimistic update does to a snapshot, beside leaving its mark. */
export type UpdateKind = "mark" | "rename" | "count" | "throw";

/** How long an answered update may stay when nothing tells that its effects are there (client.md rule 15). */
const LINGER_MS = 200;

/** What is known of a root when its updates are judged. */
export interface RootMoment {
  readonly now: number;
  readonly run: number;
  readonly version: number;
  readonly status: MountState["status"];
}

/** An update that was laid over a store, and what the application has heard of its command. */
export class Overlay {
  readonly token: string;
  readonly storeKey: string;
  readonly kind: UpdateKind;
  /** Whether the server tells when effects are in the tree, as long as nothing gets lost. */
  readonly willSettle: boolean;
  outcome: "resolved" | "failed" | undefined;
  /** The version that `settled` named. */
  settledVersion: number | undefined;
  /** Whether its store was out of the tree: then it need not come back with it. */
  mayHide = false;
  /** Whether it was seen as soon as the command was dispatched. */
  wasShown = false;
  #answered: RootMoment | undefined;
  #lostAt: number | undefined;
  #wasLive = false;
  #wasDown = false;

  constructor(token: string, storeKey: string, kind: UpdateKind, willSettle: boolean) {
    this.token = token;
    this.storeKey = storeKey;
    this.kind = kind;
    this.willSettle = willSettle;
  }

  /** What the application gives to the client. */
  readonly update = (state: unknown): unknown => {
    const former = state as Record<string, unknown> & { readonly n: number; readonly marks?: readonly unknown[] };
    if (this.kind === "throw") throw PLANNED_ERROR;
    return {
      ...former,
      // What it was given shows that it was given the newest state.
      marks: [...(former.marks ?? []), [this.token, former.n]],
      ...(this.kind === "rename" ? { title: this.token, tags: [] } : {}),
      ...(this.kind === "count" ? { n: former.n + 1 } : {}),
    };
  };

  /** Its command came to an end. */
  end(isOk: boolean, moment: RootMoment): void {
    this.outcome = isOk ? "resolved" : "failed";
    this.#answered = moment;
  }

  /** Between two events of the client: whether it must be seen, may be seen, or must not. */
  judge(moment: RootMoment): "shown" | "either" | "gone" {
    const { now, run, version, status } = moment;
    const answered = this.#answered;
    if (status === "live") this.#wasLive = true;
    else this.#wasDown = true;
    // What a root hears on its way out still counts, so that it is lost only at the end of that.
    if (this.#wasLive && status !== "live") this.#lostAt = status === "failed" ? (this.#lostAt ?? now) : now;
    if (status === "closed" || this.outcome === "failed") return "gone";
    if (answered === undefined) return this.mayHide ? "either" : "shown";
    if (run !== answered.run) return "gone";
    // A command that waited for its root may have waited through a loss.
    const hide = this.mayHide || (this.willSettle && this.#wasDown) ? "either" : "shown";
    if (this.willSettle && this.#lostAt === undefined) {
      if (this.settledVersion === undefined || version < this.settledVersion) return hide;
      return this.#wasDown && now <= answered.now + LINGER_MS ? "either" : "gone";
    }
    const since = this.willSettle ? Math.max(this.#lostAt ?? 0, answered.now) : answered.now;
    if (now > since + LINGER_MS) return "gone";
    // Whether `settled` or an envelope ended it earlier is no matter after a loss.
    if (this.willSettle) return "either";
    if (version !== answered.version) return "gone";
    return now === since + LINGER_MS ? "either" : hide;
  }

  /** How it went. */
  get ending(): Kind {
    if (this.outcome === "failed") return "update rolled back";
    if (!this.willSettle) return "update confirmed without settled";
    return this.#lostAt === undefined ? "update confirmed by settled" : "update confirmed after a loss";
  }

  /** Whether nothing more is to be said of it. */
  isOver(moment: RootMoment): boolean {
    return this.judge(moment) === "gone" && moment.now > (this.#answered?.now ?? moment.now) + LINGER_MS;
  }
}

/** The tokens of the updates seen in a snapshot, by store. */
export type SeenMarks = ReadonlyMap<string, readonly string[]>;

/** Reads the marks of all stores in a snapshot. */
export function readMarks(snapshot: unknown): SeenMarks {
  const marks = new Map<string, readonly string[]>();
  collect(snapshot, marks);
  return marks;
}

/** The updates behind marks, in order; they must have been made in that order, for that store. */
export function overlaysBehind(marks: SeenMarks, overlays: readonly Overlay[]): ReadonlyMap<string, Overlay[]> {
  const found = new Map<string, Overlay[]>();
  for (const [storeKey, tokens] of marks) {
    const shown = overlays.filter((overlay) => overlay.storeKey === storeKey && tokens.includes(overlay.token));
    if (shown.map(({ token }) => token).join() !== tokens.join())
      throw new Divergence("updates show in order, in their store", `${storeKey}: ${tokens.join()}`);
    found.set(storeKey, shown);
  }
  return found;
}

/** The stores whose updates differ. */
export function changedMarks(before: SeenMarks, after: SeenMarks): string[] {
  if (before.size === 0 && after.size === 0) return [];
  const keys = new Set([...before.keys(), ...after.keys()]);
  return Array.from(keys).filter((key) => before.get(key)?.join() !== after.get(key)?.join());
}

function collect(value: unknown, marks: Map<string, readonly string[]>): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) collect(item, marks);
    return;
  }
  const store = value as Record<string, unknown>;
  const id = store[STORE_ID_KEY];
  if (id !== undefined && store["marks"] !== undefined) {
    const tokens = (store["marks"] as readonly (readonly [string, number])[]).map(([token]) => token);
    marks.set(storeIdKey(id as StoreId), tokens);
  }
  for (const [name, member] of Object.entries(store)) if (name !== "files") collect(member, marks);
}
