import type { JsonValue, UploadConfig, UploadEntry } from "@musubi/protocol";
import { isDevelopment } from "../development.js";
import type { Unsubscribe } from "../observable.js";
import { deepFreeze } from "../state/freeze.js";
import { reconcile } from "../state/reconcile.js";
import type { StoreRecord } from "../state/store-record.js";
import { notifyStores, subscribeRecord } from "../state/subscribers.js";
import type { UploadEngine } from "./upload-engine.js";
import { EMPTY_UPLOAD, type UploadState } from "./upload-state.js";
import type { UploadTable } from "./upload-table.js";
import type {
  SelectOptions,
  UploadHandle,
  UploadSelection,
  UploadSlotError,
  UploadSlotStatus,
  UploadSnapshot,
} from "./upload-types.js";

/**
 * One slot of a store: what is known of it, and the way to what sends files. That is loaded when first used, so that
 * an app without uploads has none of it; nothing but this import may lead there.
 */
export class UploadSlot implements UploadHandle {
  declare readonly name: string;
  declare readonly config: UploadConfig | null;
  declare readonly status: UploadSlotStatus;
  declare readonly entries: readonly UploadEntry[];
  declare readonly errors: readonly UploadSlotError[];
  declare readonly progress: number;
  declare readonly isIdle: boolean;
  declare readonly isPending: boolean;
  declare readonly isUploading: boolean;
  declare readonly isSuccess: boolean;
  declare readonly isError: boolean;
  readonly #name: string;
  readonly #record: StoreRecord;
  readonly #table: UploadTable;
  #state: UploadState = EMPTY_UPLOAD;
  #snapshot: UploadSnapshot | undefined;

  static {
    // What it is, is what its snapshot of the moment is.
    for (const member of Object.keys(snapshotOf("", EMPTY_UPLOAD)) as (keyof UploadSnapshot)[]) {
      Object.defineProperty(UploadSlot.prototype, member, {
        get(this: UploadSlot) {
          return this.snapshot()[member];
        },
      });
    }
  }

  constructor(name: string, record: StoreRecord, table: UploadTable) {
    this.#name = name;
    this.#record = record;
    this.#table = table;
  }

  select(files: Blob | Iterable<Blob> | ArrayLike<Blob>, options?: SelectOptions): Promise<UploadSelection> {
    // At once: a page empties its input as soon as this returns.
    const list = "arrayBuffer" in Object(files) ? [files as Blob] : Array.from(files as Iterable<Blob>);
    return this.#run((engine) => engine.select(this, list, options?.autoStart ?? this.config?.auto_upload === true), {
      accepted: [],
      rejected: list.map((file) => ({ file, ...NOT_LOADED })),
    });
  }

  start(): Promise<void> {
    return this.#run((engine) => engine.start(this), undefined);
  }

  cancel(ref?: string): Promise<void> {
    return this.#run((engine) => engine.cancel(this, ref), undefined);
  }

  reset(): Promise<void> {
    return this.#run((engine) => engine.reset(this), undefined);
  }

  snapshot(): UploadSnapshot {
    return (this.#snapshot ??= snapshotOf(this.#name, this.#state));
  }

  toJSON(): UploadSnapshot {
    return this.snapshot();
  }

  get record(): StoreRecord {
    return this.#record;
  }

  get state(): UploadState {
    return this.#state;
  }

  /** Whether its store is in the tree; one that has left and come back has other slots. */
  get isPresent(): boolean {
    return this.#record.node !== undefined && this.#record.uploads?.get(this.name) === this;
  }

  /** Takes a new state, with what equals the former one shared. Returns whether anything is other than before. */
  set(state: UploadState): boolean {
    // A state is JSON.
    const next = reconcile(this.#state as unknown as JsonValue, state as unknown as JsonValue);
    if (next === (this.#state as unknown)) return false;
    this.#snapshot = undefined;
    this.#state = (isDevelopment ? deepFreeze(next) : next) as unknown as UploadState;
    return true;
  }

  /** Takes a change that no envelope brought, and tells the store's listeners. */
  update(change: Partial<UploadState>): void {
    const { tree, root } = this.#table;
    if (!this.set({ ...this.#state, ...change }) || root === undefined || !this.isPresent) return;
    notifyStores(tree.touchStore(this.#record), root.host.logger);
  }

  subscribe(listener: () => void): Unsubscribe {
    return subscribeRecord(this.#table.tree, this.#record, listener);
  }

  /** In order: what was asked for first runs first, also while the engine is being loaded. */
  async #run<T>(action: (engine: UploadEngine) => T | Promise<T>, otherwise: T): Promise<T> {
    const table = this.#table;
    const { root } = table;
    if (root === undefined) return otherwise;
    let engine: UploadEngine;
    try {
      table.engine ??= import("./upload-engine.js").then(({ createUploadEngine }) => createUploadEngine(root));
      engine = await table.engine;
    } catch (cause) {
      table.engine = undefined;
      root.host.logger.error(NOT_LOADED.message, cause);
      this.update({ errors: [NOT_LOADED] });
      return otherwise;
    }
    return action(engine);
  }
}

function snapshotOf(name: string, { config, entries, errors, selecting }: UploadState): UploadSnapshot {
  const has = (status: string): boolean => entries.some((entry) => entry.status === status);
  let status: UploadSlotStatus = has("success") ? "success" : "idle";
  if (errors.length > 0 || has("error")) status = "error";
  if (selecting > 0 || has("pending")) status = "pending";
  if (has("uploading")) status = "uploading";
  let [there, all] = [0, 0];
  for (const entry of entries) {
    if (entry.status === "error" || entry.status === "cancelled") continue;
    // An empty file counts too.
    const size = Math.max(1, entry.client_size);
    there += size * entry.progress;
    all += size;
  }
  return {
    name,
    config,
    status,
    progress: all === 0 ? 0 : Math.floor(there / all),
    entries,
    errors,
    isIdle: status === "idle",
    isPending: status === "pending",
    isUploading: status === "uploading",
    isSuccess: status === "success",
    isError: status === "error",
  };
}

const NOT_LOADED = { code: "internal", message: "The code for its uploads could not be loaded; try again." };
