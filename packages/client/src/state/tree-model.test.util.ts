import { type JsonValue, type PatchOp, STORE_ID_KEY, STREAM_KEY, type StoreId, type StreamOp } from "@musubi/protocol";

export type Doc = { [key: string]: Doc } | Doc[] | string | number | boolean | null;

/** The straightforward way: the whole document copied for each envelope, the streams in plain arrays. */
export class Model {
  doc: Doc = null;
  streams: Map<string, { key: string; item: Doc }[]> = new Map();

  apply(ops: readonly PatchOp[], streamOps: readonly StreamOp[], isInitial: boolean): void {
    const doc = structuredClone(this.doc);
    const next = isInitial ? { root: null as Doc } : { root: doc };
    for (const op of ops) applyNaively(next, op);
    this.doc = next.root;
    const present = new Set(storesOf(this.doc).map(([id]) => JSON.stringify(id)));
    const streams = new Map(isInitial ? [] : this.streams);
    for (const op of streamOps) {
      const store = JSON.stringify(op.store_id);
      if (!present.has(store)) continue;
      const key = `${store}/${op.stream}`;
      streams.set(key, foldNaively(streams.get(key) ?? [], op));
    }
    for (const key of streams.keys()) if (!present.has(key.slice(0, key.lastIndexOf("/")))) streams.delete(key);
    this.streams = streams;
  }

  /** A store as its snapshot should be; `undefined` when it is not in the tree. */
  read(id: StoreId): unknown {
    const found = storesOf(this.doc).find(([each]) => JSON.stringify(each) === JSON.stringify(id));
    return found === undefined ? undefined : this.#hydrate(found[1], id);
  }

  #hydrate(value: Doc, owner: StoreId): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.#hydrate(item, owner));
    const own = (value[STORE_ID_KEY] as StoreId | undefined) ?? owner;
    const name = value[STREAM_KEY];
    if (name !== undefined)
      return (this.streams.get(`${JSON.stringify(own)}/${name as string}`) ?? []).map((entry) => entry.item);
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.#hydrate(member, own)]));
  }
}

export function storesOf(value: Doc): [StoreId, Doc][] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(storesOf);
  const own: [StoreId, Doc][] = STORE_ID_KEY in value ? [[value[STORE_ID_KEY] as unknown as StoreId, value]] : [];
  return [...own, ...Object.values(value).flatMap(storesOf)];
}

export function applyNaively(holder: { root: Doc }, op: PatchOp): void {
  const tokens = ["root", ...op.path.split("/").slice(1)];
  let target = holder as unknown as Record<string, Doc>;
  for (const token of tokens.slice(0, -1)) target = target[token] as unknown as Record<string, Doc>;
  const last = tokens.at(-1) as string;
  const value = op.op === "remove" ? undefined : (structuredClone(op.value) as Doc);
  if (Array.isArray(target)) {
    const index = last === "-" ? target.length : Number(last);
    if (op.op === "add") target.splice(index, 0, value);
    else if (op.op === "remove") target.splice(index, 1);
    else target[index] = value;
  } else if (value === undefined) Reflect.deleteProperty(target, last);
  else target[last] = value;
}

function foldNaively(list: { key: string; item: Doc }[], op: StreamOp): { key: string; item: Doc }[] {
  if (op.op === "reset") return [];
  const rest = list.filter((entry) => entry.key !== op.item_key);
  if (op.op === "delete") return rest;
  const at = op.at === -1 ? rest.length : op.at <= 0 ? 0 : Math.min(op.at, rest.length);
  rest.splice(at, 0, { key: op.item_key, item: op.item as Doc });
  if (op.limit === null) return rest;
  const kept = Math.abs(op.limit);
  if (kept === 0) return [];
  return op.at === 0 ? rest.slice(0, kept) : rest.slice(-kept);
}

/** Makes envelopes for the model's document; every choice comes from `pick`. */
export class Generator {
  #serial = 0;
  readonly #pick: (below: number) => number;

  constructor(pick: (below: number) => number) {
    this.#pick = pick;
  }

  store(id: string[], depth: number): Doc {
    return {
      [STORE_ID_KEY]: id,
      title: this.#serial++,
      meta: { deep: { value: this.#serial++ } },
      rows: Array.from({ length: depth > 0 ? this.#pick(4) : 0 }, () => this.store(this.#newId(), depth - 1)),
      ...(this.#pick(2) === 0 ? { log: { [STREAM_KEY]: "log" } } : {}),
      ...(depth > 0 && this.#pick(3) === 0 ? { box: { inner: this.store(this.#newId(), 0) } } : {}),
    };
  }

  root(): Doc {
    return this.store([], 2);
  }

  ops(doc: Doc): PatchOp[] {
    const holder = { root: structuredClone(doc) };
    const ops: PatchOp[] = [];
    for (let count = this.#pick(4); count > 0; count--) {
      const op = this.#op(holder.root);
      applyNaively(holder, op);
      ops.push(op);
    }
    return ops;
  }

  streamOps(doc: Doc): StreamOp[] {
    const stores = storesOf(doc);
    return Array.from({ length: this.#pick(4) }, (): StreamOp => {
      const chosen = stores[this.#pick(stores.length + 1)];
      const base = { stream: "log", ref: "0", store_id: chosen?.[0] ?? ["nobody"] };
      const kind = this.#pick(6);
      if (kind === 0) return { op: "reset", ...base };
      if (kind === 1) return { op: "delete", ...base, item_key: `k${this.#pick(5)}` };
      const at = [-1, 0, 2, -3][this.#pick(4)] as number;
      const limit = [null, null, 3, -2, 0][this.#pick(5)] as number | null;
      return { op: "insert", ...base, item_key: `k${this.#pick(5)}`, at, item: { n: this.#serial++ }, limit };
    });
  }

  #newId(): string[] {
    return ["row", String(this.#serial++)];
  }

  #op(doc: Doc): PatchOp {
    const places = placesOf(doc, "");
    const [path, node] = places[this.#pick(places.length)] as [string, Record<string, Doc>];
    const rows = node["rows"] as Doc[];
    const value = (made: Doc) => made as JsonValue;
    switch (this.#pick(8)) {
      case 0:
        return { op: "replace", path: `${path}/meta/deep/value`, value: this.#serial++ };
      case 1:
        return {
          op: "add",
          path: `${path}/rows/${this.#pick(rows.length + 1)}`,
          value: value(this.store(this.#newId(), 1)),
        };
      case 2:
        return { op: "add", path: `${path}/rows/-`, value: value(this.store(this.#newId(), 0)) };
      case 3:
        if (rows.length > 0) return { op: "remove", path: `${path}/rows/${this.#pick(rows.length)}` };
        return { op: "add", path: `${path}/extra`, value: { some: this.#serial++ } };
      case 4:
        if (rows.length > 0) {
          const index = this.#pick(rows.length);
          const { [STORE_ID_KEY]: id } = rows[index] as Record<string, Doc>;
          return { op: "replace", path: `${path}/rows/${index}`, value: value(this.store(id as string[], 0)) };
        }
        return { op: "add", path: `${path}/log`, value: { [STREAM_KEY]: "log" } };
      case 5:
        // As a server does that diffs lists by place: another store slips into the same node.
        if (path !== "") return { op: "replace", path: `${path}/${STORE_ID_KEY}/1`, value: String(this.#serial++) };
        return { op: "replace", path: "/title", value: this.#serial++ };
      case 6:
        return { op: "add", path: `${path}/log`, value: { [STREAM_KEY]: "log" } };
      default:
        return { op: "replace", path: `${path}/title`, value: this.#serial++ };
    }
  }
}

function placesOf(value: Doc, path: string): [string, Record<string, Doc>][] {
  if (typeof value !== "object" || value === null) return [];
  const below = Object.entries(value).flatMap(([key, member]) => placesOf(member, `${path}/${key}`));
  const isStore = !Array.isArray(value) && STORE_ID_KEY in value;
  return isStore ? [[path, value], ...below] : below;
}
