import { Directory, type PresenceDiff, type Presences } from "./directory.js";
import type { Entry, NodeMessage, Part } from "./messages.js";
import { type Change, Replica } from "./replica.js";

/** What the driver has to do upon a step: tell clients of each topic, then other nodes (`to`: one of them, or all). */
export interface Step {
  readonly diffs: ReadonlyMap<string, PresenceDiff>;
  readonly send: readonly { readonly to: string | null; readonly message: NodeMessage }[];
}

/** Another node. */
interface Peer {
  heardAt: number;
  /** `null` once it has said goodbye: what comes late of it counts no more. */
  replica: Replica | null;
}

/** Nodes that are known at once, and steps of one that are known while some before them are missing. */
const MAX_PEERS = 1_000;
const MAX_AHEAD = 10_000;

const NOTHING: Change = { added: [], removed: [] };

/**
 * What one node knows of all nodes of a presence, as a pure machine: no PubSub, no clock (times are passed in).
 *
 *     unknown ──any message──> heard ──bye──> gone ──silence──> unknown
 *                                └──────────silence────────────> unknown
 *
 * The entries of a node that is not heard any more are dropped with all that is known of it. When it is heard again
 * after all, it is asked for all of it. The same goes for a node with which there would be more entries than may be here.
 */
export class PresenceState {
  readonly id: string;
  readonly #silenceMs: number;
  readonly #maxEntries: number;
  readonly #own = new Replica();
  readonly #peers = new Map<string, Peer>();
  readonly #directory = new Directory();

  /**
   * `id` names this node and no other, ever; `silenceMs`: how long another may be silent before it counts as dead;
   * `maxEntries`: of all nodes.
   */
  constructor(id: string, silenceMs: number, maxEntries: number) {
    this.id = id;
    this.#silenceMs = silenceMs;
    this.#maxEntries = maxEntries;
  }

  /** Whether there is no room for another entry. */
  get isFull(): boolean {
    return this.#directory.size >= this.#maxEntries;
  }

  list(topic: string): Presences {
    return this.#directory.list(topic);
  }

  /** The number of the step that {@link change} will make. */
  get next(): number {
    return this.#own.upTo + 1;
  }

  /** One step of this node: an entry more, which has {@link next} as its step, and some less. */
  change(entry: Entry | null, removed: readonly Entry[]): Step {
    const steps = [this.next, ...removed.map(({ step }) => step)];
    const part: Part = { entries: entry === null ? [] : [entry], upTo: 0, steps };
    return this.#step(this.#own.merge(part), { to: null, message: { kind: "part", from: this.id, part } });
  }

  /** Asks all others for what they have done: a node that begins does. */
  begin(): Step {
    return this.#step(NOTHING, { to: null, message: { kind: "ask", from: this.id } });
  }

  /** Takes a message of a node, itself included. */
  receive(message: NodeMessage, now: number): Step {
    const { from } = message;
    if (from === this.id) return this.#step(NOTHING);
    const known = this.#peers.get(from);
    if (known === undefined && this.#peers.size >= MAX_PEERS) return this.#step(NOTHING);
    const peer = known ?? { heardAt: now, replica: new Replica() };
    this.#peers.set(from, peer);
    const { replica } = peer;
    if (replica === null) return this.#step(NOTHING);
    peer.heardAt = now;
    switch (message.kind) {
      case "part":
        return this.#step(this.#merge(from, replica, message.part));
      case "beat":
        if (replica.upTo >= message.last) return this.#step(NOTHING);
        return this.#step(NOTHING, { to: from, message: { kind: "ask", from: this.id } });
      case "ask":
        if (this.#own.upTo === 0) return this.#step(NOTHING);
        return this.#step(NOTHING, { to: from, message: { kind: "part", from: this.id, part: this.#own.whole } });
      case "bye":
        peer.replica = null;
        return this.#step({ added: [], removed: [...replica.entries] });
      default:
        return message satisfies never;
    }
  }

  /** A sign of life; drops those that have given none for too long. */
  beat(now: number): Step {
    const removed: Entry[] = [];
    for (const [id, { heardAt, replica }] of this.#peers) {
      if (now - heardAt < this.#silenceMs) continue;
      this.#peers.delete(id);
      removed.push(...(replica?.entries ?? []));
    }
    return this.#step(
      { added: [], removed },
      { to: null, message: { kind: "beat", from: this.id, last: this.#own.upTo } },
    );
  }

  #merge(from: string, replica: Replica, part: Part): Change {
    const change = replica.merge(part);
    const size = this.#directory.size + change.added.length - change.removed.length;
    const isLarger = change.added.length > change.removed.length;
    if (!(isLarger && size > this.#maxEntries) && replica.ahead <= MAX_AHEAD) return change;
    // Some of them would be neither here nor there: who comes and goes would not add up.
    this.#peers.delete(from);
    const added = new Set(change.added);
    const rest = Array.from(replica.entries).filter((entry) => !added.has(entry));
    return { added: [], removed: [...change.removed, ...rest] };
  }

  #step(change: Change, ...send: Step["send"]): Step {
    return { diffs: this.#directory.apply(change), send };
  }
}
