import { type FakeClock, SeededRandom } from "@musubi/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  type AnyRegistry,
  type CachePersister,
  type CacheRecord,
  createMemoryPersister,
  type MusubiConnection,
  storeCacheKey,
} from "../index.js";
import { CacheWorld, turn } from "./cache-setup.test.util.js";

const SEED = Number(process.env["CACHE_SEED"] ?? 20_260_202);
const RUNS = 60;
const STEPS = 40;
const IDS = ["a", "b"];
const PAGES = [0, 1];

interface Shown {
  readonly id: string;
  readonly page: number;
  readonly n: number;
}

type Opened = ReturnType<MusubiConnection<AnyRegistry>["openRoot"]>;

/** A root that a client of the model holds. */
interface Held {
  readonly opened: Opened;
  readonly id: string;
  /** The params of the last mount or remount. */
  page: number;
  wasRemounted: boolean;
  /** Whether the server's own state has been shown. */
  wasLive: boolean;
}

interface Client {
  readonly connection: MusubiConnection<AnyRegistry>;
  readonly held: Map<string, Held>;
  /** The proxy of the last root of an id: the same one again is the same root. */
  readonly stores: Map<string, object>;
}

/** A persister that answers late, in order, and fails while `isBroken`. */
class MoodyPersister implements CachePersister {
  readonly inner: CachePersister = createMemoryPersister();
  readonly #random: SeededRandom;
  readonly #isSlow: boolean;
  isBroken = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#isSlow = random.chance(0.5);
  }

  get(key: string): unknown {
    return this.#answer(() => this.inner.get(key));
  }

  set(key: string, record: CacheRecord): unknown {
    return this.#answer(() => this.inner.set(key, record));
  }

  delete(key: string): unknown {
    return this.#answer(() => this.inner.delete(key));
  }

  async keys(): Promise<Iterable<string>> {
    return (await this.#answer(() => this.inner.keys())) as Iterable<string>;
  }

  /** Resolves when everything asked so far is done. */
  async settled(): Promise<void> {
    await this.#last.catch(() => {});
  }

  #answer(call: () => unknown): unknown {
    if (!this.#isSlow) {
      if (this.isBroken) throw new Error("broken");
      return call();
    }
    const hops = this.#random.integer(0, 5);
    const answer = this.#last
      .catch(() => {})
      .then(async () => {
        for (let hop = 0; hop < hops; hop++) await Promise.resolve();
        if (this.isBroken) throw new Error("broken");
        return call();
      });
    this.#last = answer;
    answer.catch(() => {});
    return answer;
  }
}

/** Two pages of one app, a server, and what both may show. */
class Model {
  readonly #random: SeededRandom;
  readonly #world = new CacheWorld();
  readonly #persister: MoodyPersister;
  readonly #clients: Client[] = [];
  /** Every state that the server has had, and from which number on it is not cleared. */
  readonly #had = new Map<string, Set<number>>();
  #n = 0;
  #clearedBelow = 0;
  seeded = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#persister = new MoodyPersister(random);
  }

  get clock(): FakeClock {
    return this.#world.clock;
  }

  async start(): Promise<void> {
    this.#world.server.store("Counter", (id, params) => {
      const { page } = params as { page: number };
      if (this.#random.chance(0.05)) throw new Error(this.#random.pick(["overloaded", "forbidden"]));
      return { id, page, n: this.#next(id, [page]) };
    });
    for (let client = 0; client < 2; client++) {
      this.#clients.push({ connection: await this.#world.connect(), held: new Map(), stores: new Map() });
    }
  }

  async step(): Promise<string> {
    const random = this.#random;
    const client = random.pick(this.#clients);
    const id = random.pick(IDS);
    const page = random.pick(PAGES);
    const held = client.held.get(id);
    const kind = random.integer(0, 11);
    if (kind <= 4 && held === undefined) {
      this.#mount(client, id, page);
      return `mount ${id}/${page}`;
    }
    if (kind <= 4 && held !== undefined) {
      held.opened.release();
      client.held.delete(id);
      if (kind === 3) return `release ${id}`;
      this.clock.advance(50);
      await turn();
      return `end ${id}`;
    }
    if (kind === 5) {
      this.#world.server.patch(`Counter:${id}`, [{ op: "replace", path: "/n", value: this.#next(id, PAGES) }]);
      return `patch ${id}`;
    }
    if (kind === 6) {
      const ms = random.pick([1, 50, 999, 1_000, 3_000]);
      this.clock.advance(ms);
      return `advance ${ms}`;
    }
    if (kind === 7 && held !== undefined) {
      held.page = page;
      held.wasRemounted = true;
      held.opened.remount({ page }).catch(() => {});
      return `remount ${id}/${page}`;
    }
    if (kind === 8) {
      this.#world.server.cut();
      return "cut";
    }
    if (kind === 9) {
      this.#persister.isBroken = random.chance(0.3);
      return `broken ${this.#persister.isBroken}`;
    }
    if (kind === 10 && random.chance(0.5)) {
      await this.#clear();
      return "clear";
    }
    await turn();
    return "turn";
  }

  /** What is shown is a state that the server has had, of the params asked for, and never one that was cleared. */
  check(): void {
    for (const { held } of this.#clients) {
      for (const { opened, id, page, wasRemounted } of held.values()) {
        const shown = opened.store.snapshot() as Shown | undefined;
        const { status, fromCache } = opened.state.current;
        expect(shown === undefined, `${status} without state`).toBe(
          status === "loading" || (status === "closed" && shown === undefined),
        );
        if (shown === undefined) continue;
        expect(shown.id).toBe(id);
        expect(this.#had.get(`${id}/${shown.page}`), `${JSON.stringify(shown)} was never`).toContain(shown.n);
        if (fromCache) expect(["stale", "failed", "closed"]).toContain(status);
        if (fromCache && !wasRemounted) expect(shown.page).toBe(page);
      }
    }
  }

  async end(): Promise<void> {
    this.#persister.isBroken = false;
    await turn();
    for (const { held } of this.#clients) for (const { opened } of held.values()) opened.release();
    await this.#world.close();
    await this.#persister.settled();
    const { inner } = this.#persister;
    for (const key of inner.keys() as Iterable<string>) {
      const tree = (inner.get(key) as CacheRecord).tree as unknown as Shown;
      expect(key).toBe(storeCacheKey({ module: "Counter", id: tree.id, params: { page: tree.page } }));
      expect(this.#had.get(`${tree.id}/${tree.page}`)).toContain(tree.n);
    }
  }

  #next(id: string, pages: readonly number[]): number {
    const n = this.#n++;
    for (const page of pages) {
      const key = `${id}/${page}`;
      this.#had.set(key, (this.#had.get(key) ?? new Set()).add(n));
    }
    return n;
  }

  #mount(client: Client, id: string, page: number): void {
    const gcTime = this.#random.pick([2_000, Number.POSITIVE_INFINITY]);
    const cache = { persister: this.#persister, gcTime };
    const opened = client.connection.openRoot({ module: "Counter", id, params: { page }, cache });
    // Within the grace it is the former root, with its former params.
    const isKnown = client.stores.get(id) === opened.store;
    client.stores.set(id, opened.store);
    const held: Held = { opened, id, page, wasRemounted: isKnown, wasLive: false };
    client.held.set(id, held);
    const clearedBelow = this.#clearedBelow;
    const look = (): void => {
      const { fromCache } = opened.state.current;
      if (!fromCache) {
        held.wasLive ||= opened.state.current.status === "live";
        return;
      }
      this.seeded++;
      expect(held.wasLive, "a state from a cache after the server's own").toBe(false);
      const { n } = opened.store.snapshot() as unknown as Shown;
      if (!isKnown) expect(n, "a state that was cleared").toBeGreaterThanOrEqual(clearedBelow);
    };
    look();
    opened.state.subscribe(look);
  }

  /** Clears with nothing under way, so that what the server has had so far is what may not be seen again. */
  async #clear(): Promise<void> {
    await turn();
    this.#persister.isBroken = false;
    await Promise.all(this.#clients.map(({ connection }) => connection.clearStoreCache()));
    await this.#persister.settled();
    this.#clearedBelow = this.#n;
  }
}

const unhandled = vi.fn();
beforeEach(() => {
  process.on("unhandledRejection", unhandled);
});
afterEach(() => {
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

test(`client.md 17: whatever happens, what is shown is a state that the server had (CACHE_SEED=${SEED})`, async () => {
  let seeded = 0;
  for (let run = 0; run < RUNS; run++) {
    const random = new SeededRandom(SEED + run);
    const model = new Model(random);
    const steps: string[] = [];
    try {
      await model.start();
      for (let step = 0; step < STEPS; step++) {
        steps.push(await model.step());
        model.check();
      }
      await model.end();
    } catch (cause) {
      throw new Error(`CACHE_SEED=${SEED + run} after: ${steps.join(", ")}`, { cause });
    }
    seeded += model.seeded;
  }
  expect(seeded).toBeGreaterThan(RUNS / 6);
});
