import {
  type AnyRegistry,
  type CacheOptions,
  type CacheRecord,
  connect,
  dehydrateStore,
  type Logger,
  type MusubiConnection,
} from "@musubi/client";
import {
  type Connection,
  type ConnectOptions,
  createConnection,
  disconnectConnectionState,
  openConnectionState,
  type Root,
} from "@musubi/client/runtime";
import { createSocket } from "@musubi/client/socket";
import { type MusubiError, SETTLED } from "@musubi/protocol";
import { createMemoryTransport, FaultyNetwork, SeededRandom } from "@musubi/testing";
import { Socket } from "phoenix";
import type { Hold, SentCommand } from "./application.js";
import { Coverage, covered } from "./coverage.js";
import { Divergence } from "./divergence.js";
import { ModelServer } from "./model-server.js";
import { PLANNED_ERROR } from "./planned-error.js";
import type { RootRun } from "./root-run.js";
import { RootWatch } from "./root-watch.js";
import { HOME, SimAddress } from "./sim-address.js";
import { drawStyle, type ServerStyle } from "./server-style.js";
import { GC_TIME_MS, SimCache } from "./sim-cache.js";
import { encodeAsText } from "./sim-file.js";
import { SimUploads } from "./sim-uploads.js";
import { settlePromises, VirtualTime } from "./virtual-time.js";

const HOLDERS = 3;
const UNMOUNT_GRACE_MS = 50;

/** A whole client and a whole server in one virtual time. */
export class World {
  readonly time: VirtualTime = new VirtualTime();
  readonly clientClock = this.time.clock();
  readonly socketClock = this.time.clock();
  readonly coverage: Coverage = new Coverage();
  readonly style: ServerStyle;
  readonly network: FaultyNetwork;
  readonly server: ModelServer;
  readonly socket: Socket;
  readonly random: SeededRandom;
  readonly uploads: SimUploads;
  readonly cache: SimCache;
  readonly address: SimAddress;
  readonly holds: Hold[] = [];
  readonly commands: SentCommand[] = [];
  readonly watches: Map<Root, RootWatch> = new Map();
  /** Everything that happened, for comparing two runs of one seed and for reading a failure. */
  readonly trace: string[] = [];
  readonly #connections: (MusubiConnection<AnyRegistry> | undefined)[] = Array.from({ length: HOLDERS });
  readonly #isConnecting = new Set<number>();
  readonly #options: ConnectOptions;
  /** States that were handed over to a page to come. */
  readonly #handedOver: { readonly pair: string; readonly label: number; readonly record: CacheRecord }[] = [];
  #pendingMounts = 0;
  #unsettled = 0;
  /** The client's connections as they are now, by topic. */
  readonly #shared = new Map<string, Connection>();
  #failure: Error | undefined;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    const latency = new SeededRandom(seed ^ 0x5bd1e995);
    const clientRandom = new SeededRandom(seed ^ 0x27d4eb2f);
    this.style = drawStyle(this.random);
    const isSettled = (token: unknown): boolean =>
      this.commands.some((command) => command.token === token && command.outcomes.length > 0);
    this.server = new ModelServer(this.time.clock(), seed ^ 0x165667b1, this.style, this.coverage, isSettled);
    this.network = new FaultyNetwork({ clock: this.time.clock(), latencyMs: () => latency.integer(0, 20) });
    const logger = {
      warn: (message: string) => this.note(`warn ${message}`),
      error: (message: string, cause?: unknown) => {
        if (cause !== PLANNED_ERROR) this.fail(cause ?? new Divergence("nothing is reported as an error", message));
      },
    };
    const fail = (error: unknown): void => this.fail(error);
    const network = this.network.wrap(this.server, this.server);
    this.address = new SimAddress(() => this.time.now, this.coverage, fail);
    const transport = createMemoryTransport({
      connect: (url, peer) => {
        this.address.attempted(url);
        return network.connect(url, peer);
      },
    });
    this.socket = this.#createSocket({ transport, encode: encodeAsText }, logger);
    this.socket.onOpen(() => this.address.opened());
    this.socket.onMessage((message) => this.#hear(message as { event: string; payload: unknown }));
    this.cache = new SimCache(this.time, this.server.roots.runs, this.coverage, fail);
    this.uploads = new SimUploads(this.time.clock(), this.server, this.coverage, fail);
    this.#options = {
      topology: this.style.topology,
      uploaders: { store: (upload) => this.uploads.send(upload) },
      clock: this.clientClock,
      random: () => clientRandom.next(),
      unmountGraceMs: UNMOUNT_GRACE_MS,
      logger,
    };
  }

  get pendingMounts(): number {
    return this.#pendingMounts;
  }

  /** Promises of mounted roots that are to settle once those are live, or over. */
  get unsettled(): number {
    return this.#unsettled;
  }

  get pairs(): readonly string[] {
    return this.style.pairs;
  }

  /** The client's connections as they are now, for looking only. */
  get connections(): Connection[] {
    return Array.from(this.#shared.values());
  }

  /** A holder connects, and may use the connection at once, as bindings do, or when it is ready. */
  connect(index: number, usesAtOnce: boolean): void {
    const holder = index % HOLDERS;
    if (this.#connections[holder] !== undefined || this.#isConnecting.has(holder)) return;
    const topic = this.#topicOf(holder);
    const options = { ...this.#options, topic };
    const { connection, ready } = openConnectionState(this.socket, options);
    this.#shared.set(topic, connection);
    if (this.connections.length > 1) this.coverage.note("second connection on the socket");
    if (usesAtOnce) {
      const mine = createConnection<AnyRegistry>(connection);
      this.#connections[holder] = mine;
      ready.catch((error: unknown) => {
        this.#checkRefusal(error);
        if (this.#connections[holder] === mine) this.disconnect(holder);
      });
      return;
    }
    this.#isConnecting.add(holder);
    const connecting = connect<AnyRegistry>(this.socket, options);
    ready.catch(() => {});
    void disconnectConnectionState(connection);
    void connecting.then(
      (mine) => {
        this.#isConnecting.delete(holder);
        this.#connections[holder] = mine;
      },
      (error: unknown) => {
        this.#isConnecting.delete(holder);
        this.#checkRefusal(error);
      },
    );
  }

  disconnect(index: number): void {
    const holder = index % HOLDERS;
    const connection = this.#connections[holder];
    if (connection === undefined) return;
    this.coverage.note("disconnect");
    this.#connections[holder] = undefined;
    for (const hold of Array.from(this.holds)) if (hold.holder === holder) this.#drop(hold);
    void connection.disconnect();
  }

  disconnectAll(): void {
    for (let holder = 0; holder < HOLDERS; holder++) this.disconnect(holder);
  }

  mount(index: number, pair: string, label: number, how: "mountStore" | "openRoot", cache?: CacheOptions): void {
    const connected = this.#connections.flatMap((connection, at) => (connection === undefined ? [] : [at]));
    const holder = connected[index % Math.max(1, connected.length)] ?? 0;
    const connection = this.#connections[holder];
    const shared = this.#shared.get(this.#topicOf(holder));
    if (connection === undefined || shared === undefined) return;
    const [module, id] = pair.split("/") as [string, string];
    const target = { module, id, params: { label }, ...(cache === undefined ? {} : { cache }) };
    const known = shared.find({ module, id });
    if (known !== undefined) {
      if (this.watches.get(known)?.label !== label) this.coverage.note("mount with other params");
      if (this.holds.some((hold) => hold.watch.root === known && hold.holder !== holder))
        this.coverage.note("holder with the root of another");
    }
    if (how === "openRoot") {
      const opened = connection.openRoot(target);
      opened.ready.catch((error: unknown) => this.#noteMountError(error));
      const watch = this.#watchOf(shared, module, id, label);
      if (watch !== undefined) this.holds.push({ holder, pair, watch, view: opened, release: opened.release });
      return;
    }
    this.#mountStore(connection.mountStore(target), holder, pair, () => this.#watchOf(shared, module, id, label));
  }

  unmount(hold: Hold): void {
    this.#drop(hold);
    hold.release();
  }

  remount(hold: Hold, label: number): void {
    const { view } = hold;
    if (view === undefined) return;
    this.coverage.note("remount");
    this.#pendingMounts++;
    const settled = (): void => {
      this.#pendingMounts--;
    };
    hold.watch.label = label;
    void view.remount({ label }).then(settled, settled);
  }

  clearCache(pair: string | undefined): void {
    const connection = this.#connections.find((each) => each !== undefined);
    if (connection === undefined) return;
    this.coverage.note("cache cleared");
    const [module, id] = pair?.split("/") ?? [];
    this.#await(connection.clearStoreCache(module === undefined || id === undefined ? {} : { module, id }));
  }

  /** Keeps a root's state for a mount to come, as a page that is rendered on a server does. */
  handOver({ pair, watch, view }: Hold): void {
    const record = view === undefined ? undefined : dehydrateStore(view.store, { buster: "one" });
    if (record === undefined) return;
    this.coverage.note("state handed over");
    this.cache.handedOver(record);
    const { label } = (watch.run as RootRun).params as { readonly label: number };
    // As what JSON makes of it.
    this.#handedOver.push({ pair, label, record: JSON.parse(JSON.stringify(record)) as CacheRecord });
  }

  /** Mounts a root with a state that was handed over. */
  mountWith(index: number, number: number, how: "mountStore" | "openRoot", isKept: boolean): void {
    const given = this.#handedOver[number % Math.max(1, this.#handedOver.length)];
    if (given === undefined) return;
    const kept = isKept ? { persister: this.cache, gcTime: GC_TIME_MS } : {};
    this.mount(index, given.pair, given.label, how, { ...kept, buster: "one", initialData: given.record });
  }

  /** The first thing that went wrong stays. */
  fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  note(text: string): void {
    this.trace.push(`${this.time.now - 1_000_000} ${text}`);
  }

  /** Checks what holds at any time. */
  look(): void {
    for (const [root, watch] of this.watches) {
      watch.check();
      if (!root.isClosed) continue;
      watch.stop();
      this.watches.delete(root);
    }
    for (const { watch, view } of this.holds) {
      if (watch.hasState && view !== undefined && view.store.snapshot() === undefined)
        throw new Divergence("the screen never blanks", `${watch.root.key} has no snapshot`);
    }
    const [complaint] = this.server.complaints;
    if (complaint !== undefined) throw new Divergence("the client keeps to protocol.md", complaint);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Lets `ms` pass, with a look after each thing that happens. */
  async pass(ms: number): Promise<void> {
    const until = this.time.now + ms;
    await settlePromises();
    this.look();
    while (this.time.runNext(until)) {
      await settlePromises();
      this.look();
    }
    this.time.moveTo(until);
  }

  #mountStore(
    mounting: ReturnType<MusubiConnection<AnyRegistry>["mountStore"]>,
    holder: number,
    pair: string,
    watchIt: () => RootWatch | undefined,
  ): void {
    let isReleased = false;
    let unmount: (() => void) | undefined;
    const watch = watchIt();
    const hold: Hold | undefined = watch && {
      holder,
      pair,
      watch,
      view: undefined,
      release: () => {
        isReleased = true;
        unmount?.();
      },
    };
    if (hold !== undefined) this.holds.push(hold);
    this.#pendingMounts++;
    void mounting.then(
      (mounted) => {
        this.#pendingMounts--;
        unmount = () => void mounted.unmount();
        if (hold === undefined || isReleased) {
          unmount();
          return;
        }
        hold.view = mounted;
        this.#await(mounted.revalidated);
        if (mounted.store.snapshot() === undefined)
          this.fail(new Divergence("mountStore resolves with state", `${pair} has none`));
      },
      (error: unknown) => {
        this.#pendingMounts--;
        this.note(`mount of ${pair} ended: ${(error as Error).message}`);
        this.#noteMountError(error);
        if (hold !== undefined) this.#drop(hold);
      },
    );
  }

  /** A promise that has to settle, in whatever way. */
  #await(promise: Promise<unknown>): void {
    this.#unsettled++;
    const settled = (): void => {
      this.#unsettled--;
    };
    promise.then(settled, settled);
  }

  #noteMountError(error: unknown): void {
    this.coverage.note(covered(`mount failed: ${(error as MusubiError).code}`));
  }

  #topicOf(holder: number): string {
    const { topics } = this.style;
    return (holder === HOLDERS - 1 ? topics.at(-1) : topics[0]) as string;
  }

  #createSocket(options: object, logger: Logger): Socket {
    if (!this.style.hasKeptSocket) return new Socket(HOME, options);
    const random = new SeededRandom(this.random.integer(0, 1 << 30));
    const socket = createSocket(Socket, HOME, {
      ...options,
      clock: this.socketClock,
      random: () => random.next(),
      logger,
    });
    this.address.watch(socket);
    return socket;
  }

  /** A first join may only fail when the server refused it. */
  #checkRefusal(error: unknown): void {
    const { code, details } = error as MusubiError & { readonly details?: { readonly [key: string]: unknown } };
    if (code === "join_refused") this.coverage.note("connect refused");
    const isMoved = details?.["kind"] === "moved" || details?.["reason"] === "moved";
    if (isMoved && this.style.hasKeptSocket) this.address.refused();
    if (code === "join_refused") return;
    // A holder that left before.
    if (code !== "disconnected") this.fail(error);
  }

  #hear({ event, payload }: { readonly event: string; readonly payload: unknown }): void {
    if (event !== SETTLED) return;
    const { token, version } = payload as { readonly token: string; readonly version: number };
    for (const { overlay } of this.commands) if (overlay?.token === token) overlay.settledVersion = version;
  }

  #drop(hold: Hold): void {
    const at = this.holds.indexOf(hold);
    if (at >= 0) this.holds.splice(at, 1);
  }

  /** The watch over a root; `undefined` for one that was closed at once. */
  #watchOf(shared: Connection, module: string, id: string, label: number): RootWatch | undefined {
    const root = shared.find({ module, id });
    if (root === undefined) return undefined;
    let watch = this.watches.get(root);
    if (watch === undefined) {
      const opened = createConnection<AnyRegistry>(shared).openRoot({ module, id });
      watch = new RootWatch(root, opened.store, this.server.roots.runs, label, {
        now: () => this.time.now,
        coverage: this.coverage,
        cache: this.cache,
      });
      opened.release();
      this.watches.set(root, watch);
    }
    return watch;
  }
}
