import type { CommandOptions, MountState } from "@musubi/client";
import type { StoreId } from "@musubi/protocol";
import { difference, mismatch, show } from "./match.js";
import type { Stage } from "./stage.js";
import type { Dispatcher } from "./stage-commands.js";

/** A store of a root: the root's own is written as the root alone. */
export interface StoreAt {
  readonly root: string;
  readonly at: StoreId;
}

/** The client's side of the steps: what an app does, and what it sees. */
export class ClientScript {
  readonly #stage: Stage;
  readonly #events = new Map<string, unknown[]>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  connect(): void {
    this.#stage.commands.follow("connect", this.#stage.connect());
  }

  mount(name: string, params: object | undefined): void {
    const { ready } = this.#stage.mount(name, params).opened;
    this.#stage.commands.follow(`mount ${name}`, ready);
  }

  release(name: string): void {
    this.#stage.root(name).opened.release();
    const reference = this.#stage.reference.root(name);
    if (reference.phase === "mounting") reference.isOutdated = true;
  }

  remount(name: string, params: object): void {
    const reference = this.#stage.reference.root(name);
    if (reference.phase === "mounting") reference.isOutdated = true;
    this.#stage.commands.follow(`remount ${name}`, this.#stage.root(name).opened.remount(params));
  }

  dispatch(store: string | StoreAt, name: string, payload: unknown, as: string, options?: CommandOptions): void {
    const { root, at } = storeAt(store);
    const watch = this.#stage.root(root);
    if (options?.optimistic !== undefined) watch.hasOptimistic = true;
    const proxy = findStore(watch.opened.store, at);
    if (proxy === undefined) throw new Error(`"${root}" has no store ${show(at)}`);
    this.#stage.commands.dispatch(proxy as unknown as Dispatcher, as, name, payload, options);
  }

  /** Waits until a promise has ended like this. */
  async ends(label: string, status: "resolved" | "rejected", pattern: unknown): Promise<void> {
    const { commands } = this.#stage;
    await this.#stage.until(() => (commands.end(label).status === "pending" ? `"${label}" has not ended` : undefined));
    const end = commands.end(label);
    if (end.status === "pending") return;
    const value = end.status === "resolved" ? end.reply : end.error;
    if (end.status !== status) throw new Error(`"${label}" was ${end.status} with ${show(value)}`);
    const wrong = pattern === undefined ? undefined : mismatch(value, pattern);
    if (wrong !== undefined) throw new Error(`"${label}" was ${status} with something else: ${wrong}`);
  }

  pends(label: string): void {
    const end = this.#stage.commands.end(label);
    if (end.status === "pending") return;
    throw new Error(`"${label}" was ${end.status} with ${show(end.status === "resolved" ? end.reply : end.error)}`);
  }

  sees(name: string, pattern: unknown): Promise<void> {
    const root = this.#stage.root(name);
    return this.#stage.until(() => {
      const wrong = mismatch(root.snapshot, pattern, "the snapshot");
      return wrong === undefined ? undefined : `${wrong}; all of it is ${show(root.snapshot)}`;
    });
  }

  rootIs(name: string, status: MountState["status"], error: object | undefined): Promise<void> {
    const { state } = this.#stage.root(name).opened;
    return this.#stage.until(() => {
      const { current } = state;
      if (current.status !== status) return `"${name}" is ${current.status}, not ${status}`;
      return error === undefined ? undefined : mismatch(current.error, error, "its error");
    });
  }

  statusIs(status: string): Promise<void> {
    return this.#stage.until(() => {
      const { current } = this.#stage.connection.status;
      return current === status ? undefined : `the connection is ${current}, not ${status}`;
    });
  }

  hears(store: string | StoreAt, times: number): void {
    const { root, at } = storeAt(store);
    const calls = this.#stage.root(root).takeCalls(at);
    if (calls !== times) throw new Error(`the listener was called ${calls} times, not ${times}`);
  }

  listen(store: string | StoreAt, event: string): void {
    const { root, at } = storeAt(store);
    const proxy = findStore(this.#stage.root(root).opened.store, at) as unknown as {
      handleEvent(name: string, handler: (payload: unknown) => void): void;
    };
    const heard: unknown[] = [];
    this.#events.set(`${root} ${event}`, heard);
    proxy.handleEvent(event, (payload) => heard.push(payload));
  }

  hearsEvents(store: string | StoreAt, event: string, payloads: readonly unknown[]): void {
    const { root } = storeAt(store);
    const heard = this.#events.get(`${root} ${event}`);
    if (heard === undefined) throw new Error(`no step listens to "${event}" of ${root}`);
    const wrong = difference(heard.splice(0), payloads);
    if (wrong !== undefined) throw new Error(`other events came: ${wrong}`);
  }
}

/** A store of a step, as root and id. */
function storeAt(store: string | StoreAt): StoreAt {
  return typeof store === "string" ? { root: store, at: [] } : store;
}

/** The proxy of a store, looked for below another. */
function findStore(value: unknown, id: StoreId): object | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const own = (value as { readonly __musubi_store_id__?: unknown }).__musubi_store_id__;
  if (Array.isArray(own) && difference(own, id) === undefined) return value;
  for (const key of Object.keys(value)) {
    if (key === "__musubi_store_id__") continue;
    const found = findStore((value as Record<string, unknown>)[key], id);
    if (found !== undefined) return found;
  }
  return undefined;
}
