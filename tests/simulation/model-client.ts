import type { MemoryPeer } from "@musubi/testing";
import type { ModelSession } from "./model-session.js";
import type { RootRun } from "./root-run.js";

/** One connection, and what is mounted on it. */
export class ModelClient {
  roots: Map<string, RootRun> = new Map();
  session: ModelSession | undefined;
  /** Pairs that were mounted in this join. */
  readonly known: Set<string> = new Set();
  /** Mounts that were answered and have not begun. */
  readonly beginning: Map<string, object> = new Map();
  readonly peer: MemoryPeer;
  joinRef: string | null = null;

  constructor(peer: MemoryPeer) {
    this.peer = peer;
  }
}

/** The join is over, with all that was mounted in it. */
export function forget(client: ModelClient): void {
  if (client.session === undefined) client.roots.clear();
  client.roots = new Map();
  client.session = undefined;
  client.known.clear();
  client.beginning.clear();
  client.joinRef = null;
}
