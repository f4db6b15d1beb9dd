import type { JsonObject } from "@musubi/protocol";
import type { ConnectedSocket } from "../../channels/channel.js";
import type { Cycle } from "../cycle.js";
import { type EnvelopeParts, isEmpty } from "../envelope-parts.js";
import { HeldChanges } from "./held-changes.js";
import { nextOutletState, type OutletEffect, type OutletEvent, type OutletState } from "./outlet-state.js";
import type { SlowClients } from "./slow-clients.js";

/** What roots ask of a socket: how much waits there, and to be told when it has gone. */
export type Outflow = Pick<ConnectedSocket, "unsentBytes" | "whenDrained">;

/** What all roots of one connection hold together. */
export interface HeldTotal {
  bytes: number;
}

/** What an outlet needs of its root. */
export interface OutletRoot {
  readonly socket: Outflow;
  readonly held: HeldTotal;
  readonly slowClients: SlowClients;
  /** The tree after the last message that succeeded. */
  tree(): JsonObject | null;
  /** Sends the next envelope. Does not throw. */
  send(parts: EnvelopeParts): void;
  /** Ends the root in a way that makes its client mount it again, once it has handled what waits. Does not throw. */
  remount(): void;
}

/** Drives `outlet-state.ts`: keeps a root's envelopes back while its client's socket is behind. Nothing here throws. */
export class Outlet {
  readonly #root: OutletRoot;
  #state: OutletState = "flowing";
  #held: HeldChanges | null = null;
  /** How much of the connection's total is ours. */
  #bytes = 0;
  #stopWaiting: (() => void) | null = null;

  constructor(root: OutletRoot) {
    this.#root = root;
  }

  get state(): OutletState {
    return this.#state;
  }

  /** Ops and events that are held. */
  get count(): number {
    return this.#held?.count ?? 0;
  }

  /** Whether what the message that is being handled changes has to be given to {@link hold} instead of sent. */
  get isHolding(): boolean {
    return this.#state !== "flowing" || this.#isBehind;
  }

  /** Takes what a message has changed, for later; `before` is the tree before it. Whether it is kept. */
  hold(cycle: Cycle, before: JsonObject): boolean {
    const count = cycle.streamOps.length + cycle.uploadOps.length + cycle.events.length;
    if (count === 0 && before === this.#root.tree()) return false;
    this.#apply(count > 0 && this.#isFull ? "full" : "behind", { cycle, before });
    return this.#held !== null;
  }

  /** The root is about to go down: sends what is held. */
  fail(): void {
    this.#apply("failed");
  }

  /** Nothing is sent from now on. */
  end(): void {
    this.#apply("ended");
  }

  get #isBehind(): boolean {
    return this.#root.socket.unsentBytes() > this.#root.slowClients.conflateAboveBytes;
  }

  /** Judged before something is added: one message may be of any size, and so may the first one after it. */
  get #isFull(): boolean {
    const { slowClients, held } = this.#root;
    if (this.#held === null) return false;
    return (
      this.#held.count >= slowClients.maxHeldOps ||
      this.#held.bytes >= slowClients.maxHeldBytes ||
      held.bytes >= slowClients.maxHeldBytesPerSocket
    );
  }

  #apply(event: OutletEvent, change?: { readonly cycle: Cycle; readonly before: JsonObject }): void {
    const [state, ...effects] = nextOutletState(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect, change);
  }

  #perform(effect: OutletEffect, change?: { readonly cycle: Cycle; readonly before: JsonObject }): void {
    const { socket, slowClients } = this.#root;
    switch (effect) {
      case "begin":
      case "keep":
        if (change === undefined) return;
        this.#held ??= new HeldChanges(change.before);
        this.#held.add(change.cycle);
        return this.#count(this.#held.bytes);
      case "discard":
        return this.#release(() => {});
      case "flush":
        return this.#flush();
      case "await_drain":
        this.#stopWaiting = socket.whenDrained(() => this.#apply(this.#isBehind ? "behind_again" : "drained"));
        return undefined;
      case "stop_waiting":
        this.#stopWaiting?.();
        return undefined;
      case "remount":
        slowClients.remounted += 1;
        return this.#root.remount();
      default:
        return effect satisfies never;
    }
  }

  #flush(): void {
    this.#release((held) => {
      const tree = this.#root.tree();
      const parts = tree === null ? null : held.parts(tree);
      if (parts === null || isEmpty(parts)) return;
      this.#root.slowClients.conflated += 1;
      this.#root.send(parts);
    });
  }

  /** Nothing is held from now on; what was is for `use`. */
  #release(use: (held: HeldChanges) => void): void {
    const held = this.#held;
    this.#held = null;
    this.#count(0);
    if (held === null) return;
    use(held);
    held.tell();
  }

  #count(bytes: number): void {
    this.#root.held.bytes += bytes - this.#bytes;
    this.#bytes = bytes;
  }
}
