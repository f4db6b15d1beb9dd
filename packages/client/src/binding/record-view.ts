import { type Clock, readEnvelope } from "@musubi/protocol";
import type { CacheRecord } from "../cache/cache-options.js";
import { envelopeOf, seedRoot } from "../cache/cache-record.js";
import { systemClock } from "../clock.js";
import { MusubiCommandError } from "../errors.js";
import { consoleLogger, type Logger } from "../logger.js";
import { ObservableValue } from "../observable.js";
import { type ProxyRoot, storeProxy } from "../proxy.js";
import type { MountState } from "../root/mount-state.js";
import { Replica } from "../root/replica.js";
import type { AnyStore } from "./any-store.js";
import { unreadUpload } from "./unread-upload.js";

/**
 * The state of a record, to be read without a connection: what a server renders, and what a client renders first where
 * the server's markup is. It never changes. Its commands go to the root that is mounted in its place.
 */
export class RecordView implements ProxyRoot {
  readonly state: ObservableValue<MountState> = new ObservableValue<MountState>(
    { status: "stale", fromCache: true },
    consoleLogger,
  );
  readonly host: { readonly clock: Clock; readonly logger: Logger } = { clock: systemClock, logger: consoleLogger };
  readonly version = 0;
  readonly cache = undefined;
  readonly isClosed = false;
  readonly #replica: Replica = new Replica(consoleLogger, undefined, unreadUpload);
  readonly #record: CacheRecord;
  #root: ProxyRoot | undefined;

  /** Throws when the record does not pass the checks of an envelope. */
  constructor(record: CacheRecord) {
    this.#record = record;
    this.#replica.tree.applyInitial(readEnvelope(envelopeOf(record), () => true));
  }

  get tree(): Replica["tree"] {
    return this.#replica.tree;
  }

  get snapshots(): Replica["snapshots"] {
    return this.#replica.snapshots;
  }

  get store(): AnyStore {
    return storeProxy(this) as unknown as AnyStore;
  }

  /** Shows this state in a root that has none yet, from which its commands are sent from now on. */
  showIn(root: ProxyRoot, onShown: () => void): void {
    this.#root = root;
    if (root.tree.root === undefined) seedRoot(root, this.#record, () => this.showIn(root, onShown));
    if (root.tree.root !== undefined) onShown();
  }

  async dispatch(...args: Parameters<ProxyRoot["dispatch"]>): Promise<unknown> {
    // The effect that mounts the root may be of the same commit as the one that sends this.
    await Promise.resolve();
    if (this.#root !== undefined) return this.#root.dispatch(...args);
    const [storeId, command] = args;
    throw new MusubiCommandError(`Command "${command}" was dispatched before its root was mounted.`, {
      kind: "interrupted",
      fate: "not_sent",
      command,
      storeId,
      code: "invalid_usage",
    });
  }

  closedError(): never {
    throw new Error("A record is never closed.");
  }

  seed(): void {}

  retain(): void {}

  release(): void {}
}
