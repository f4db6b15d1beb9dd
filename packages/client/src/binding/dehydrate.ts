import { isObject } from "@musubi/protocol";
import type { CacheRecord } from "../cache/cache-options.js";
import { makeCacheRecord, requireCacheRecord } from "../cache/cache-record.js";
import { canonicalJson } from "../canonical-json.js";
import { rootsOf } from "../connect.js";
import { consoleLogger } from "../logger.js";
import type { Root } from "../root/root.js";
import { RecordView } from "./record-view.js";
import type { RootResult } from "./root-result.js";
import type { AnyConnection, AnyStore } from "./any-store.js";

/** The states of a connection's roots at one moment, as plain JSON. Opaque to apps. */
export interface DehydratedState {
  readonly roots: readonly {
    readonly module: string;
    readonly id: string;
    readonly params: object;
    readonly record: CacheRecord;
  }[];
}

/** The states of the roots that were mounted through a connection, to be handed to a provider on another machine. */
export function dehydrate(connection: Pick<AnyConnection, "statusDetail" | "disconnect">): DehydratedState {
  const states = Array.from(rootsOf.get(connection)?.values() ?? [], (root: Root) => {
    const { module, id, mountedParams: params } = root;
    const record = makeCacheRecord(root, "");
    return record === undefined ? [] : [{ module, id, params, record }];
  });
  return { roots: states.flat() };
}

/** One root of a {@link DehydratedState}, to be shown until it is mounted. */
export interface DehydratedRoot {
  readonly view: RecordView;
  readonly result: RootResult<AnyStore>;
  /** Whether it has been mounted: what was rendered on the server is not shown again later on. */
  isUsed: boolean;
}

/** The roots of a {@link DehydratedState}, by what components ask for. What is malformed is left out. */
export class DehydratedRoots {
  readonly #records = new Map<string, unknown>();
  readonly #roots = new Map<string, DehydratedRoot | undefined>();

  constructor(state: unknown) {
    const roots: unknown = isObject(state) ? state["roots"] : undefined;
    for (const root of Array.isArray(roots) ? roots : []) {
      if (!isObject(root)) continue;
      const { module, id, params, record } = root;
      this.#records.set(JSON.stringify([module, id, canonicalJson(params ?? {})]), record);
    }
  }

  /** The root with this identity and these canonical params; the same object every time. */
  find(module: string, id: string, paramsKey: string): DehydratedRoot | undefined {
    const key = JSON.stringify([module, id, paramsKey]);
    if (!this.#roots.has(key) && this.#records.has(key)) this.#roots.set(key, read(this.#records.get(key)));
    return this.#roots.get(key);
  }
}

function read(record: unknown): DehydratedRoot | undefined {
  try {
    const view = new RecordView(requireCacheRecord(record));
    const { store } = view;
    const result = { status: "ready", store, isFetching: true, isStale: true, revalidationError: undefined } as const;
    return { view, result, isUsed: false };
  } catch (cause) {
    consoleLogger.warn("A dehydrated state could not be used; its root is loaded anew.", cause);
    return undefined;
  }
}
