import { type AnyRegistry, connect, MusubiCommandError, type MusubiConnection } from "@musubi/client";
import {
  type Connection,
  createConnection,
  disconnectConnectionState,
  type OpenedRoot,
  openConnectionState,
  type Root,
} from "@musubi/client/runtime";
import { createMemoryTransport, FaultyNetwork, SeededRandom, type TestSocket } from "@musubi/testing";
import { Socket } from "phoenix";
import { Divergence } from "./divergence.js";
import { ModelServer } from "./model-server.js";
import { RootWatch } from "./root-watch.js";
import { settlePromises, VirtualTime } from "./virtual-time.js";

/** What an application holds: a mounted root, and how to give it back. */
export interface Hold {
  readonly holder: number;
  readonly pair: string;
  readonly watch: RootWatch;
  /** There at once with `openRoot`, when it is mounted with `mountStore`. */
  view: Pick<OpenedRoot<string, AnyRegistry>, "store" | "state" | "remount"> | undefined;
  readonly release: () => void;
}

/** A command that was dispatched, and what became of it. */
export interface SentCommand {
  readonly token: string;
  readonly abort: AbortController;
  outcomes: string[];
}

const HOLDERS = 3;
const UNMOUNT_GRACE_MS = 50;

/** A whole client and a whole server in one virtual time: what a scenario acts on. */
export class World {
  readonly time: VirtualTime = new VirtualTime();
  readonly clientClock = this.time.clock();
  readonly network: FaultyNetwork;
  readonly server: ModelServer;
  readonly socket: TestSocket;
  readonly pairs: readonly string[];
  readonly random: SeededRandom;
  readonly holds: Hold[] = [];
  readonly commands: SentCommand[] = [];
  readonly watches: Map<Root, RootWatch> = new Map();
  /** Everything that happened, for comparing two runs of one seed and for reading a failure. */
  readonly trace: string[] = [];
  readonly #connections: (MusubiConnection<AnyRegistry> | undefined)[] = Array.from({ length: HOLDERS });
  readonly #isConnecting = new Set<number>();
  readonly #clientRandom: SeededRandom;
  #pendingMounts = 0;
  #shared: Connection | undefined;
  #failure: Error | undefined;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    const latency = new SeededRandom(seed ^ 0x5bd1e995);
    this.#clientRandom = new SeededRandom(seed ^ 0x27d4eb2f);
    const namesById = this.random.chance(0.5);
    // Where a server names roots by their id alone, two modules cannot share one.
    this.pairs = namesById ? ["Board/a", "Board/b", "List/c", "Form/d"] : ["Board/a", "Board/b", "List/a", "Form/a"];
    this.server = new ModelServer(this.time.clock(), seed ^ 0x165667b1, namesById, this.random.chance(0.5));
    this.network = new FaultyNetwork({ clock: this.time.clock(), latencyMs: () => latency.integer(0, 20) });
    this.socket = new Socket("ws://model/socket", {
      transport: createMemoryTransport(this.network.wrap(this.server, this.server)),
    });
  }

  get pendingMounts(): number {
    return this.#pendingMounts;
  }

  /** The client's connection as it is now, for looking only. */
  get shared(): Connection | undefined {
    return this.#shared;
  }

  connect(index: number): void {
    const holder = index % HOLDERS;
    if (this.#connections[holder] !== undefined || this.#isConnecting.has(holder)) return;
    this.#isConnecting.add(holder);
    const options = {
      clock: this.clientClock,
      random: () => this.#clientRandom.next(),
      unmountGraceMs: UNMOUNT_GRACE_MS,
      logger: {
        warn: (message: string) => this.note(`warn ${message}`),
        error: (message: string, cause?: unknown) =>
          this.fail(cause ?? new Divergence("nothing is reported as an error", message)),
      },
    };
    const connecting = connect<AnyRegistry>(this.socket, options);
    const { connection } = openConnectionState(this.socket, options);
    this.#shared = connection;
    void disconnectConnectionState(connection);
    void connecting.then(
      (ready) => {
        this.#isConnecting.delete(holder);
        this.#connections[holder] = ready;
      },
      (error: unknown) => this.fail(error),
    );
  }

  disconnect(index: number): void {
    const holder = index % HOLDERS;
    const connection = this.#connections[holder];
    if (connection === undefined) return;
    this.#connections[holder] = undefined;
    for (const hold of Array.from(this.holds)) if (hold.holder === holder) this.#drop(hold);
    void connection.disconnect();
    this.look();
  }

  disconnectAll(): void {
    for (let holder = 0; holder < HOLDERS; holder++) this.disconnect(holder);
  }

  mount(index: number, pair: string, label: number, how: "mountStore" | "openRoot"): void {
    const connected = this.#connections.flatMap((connection, at) => (connection === undefined ? [] : [at]));
    const holder = connected[index % Math.max(1, connected.length)] ?? 0;
    const connection = this.#connections[holder];
    const shared = this.#shared;
    if (connection === undefined || shared === undefined) return;
    const [module, id] = pair.split("/") as [string, string];
    const target = { module, id, params: { label } };
    if (how === "openRoot") {
      const opened = connection.openRoot(target);
      this.#add({
        holder,
        pair,
        watch: this.#watchOf(shared, module, id, label),
        view: opened,
        release: opened.release,
      });
      return;
    }
    let isReleased = false;
    let unmount: (() => void) | undefined;
    const mounting = connection.mountStore(target);
    const hold: Hold = {
      holder,
      pair,
      watch: this.#watchOf(shared, module, id, label),
      view: undefined,
      release: () => {
        isReleased = true;
        unmount?.();
      },
    };
    this.#add(hold);
    this.#pendingMounts++;
    void mounting.then(
      (mounted) => {
        this.#pendingMounts--;
        hold.view = mounted;
        unmount = () => void mounted.unmount();
        if (isReleased) unmount();
        else if (mounted.store.snapshot() === undefined)
          this.fail(new Divergence("mountStore resolves with state", `${pair} has none`));
      },
      (error: unknown) => {
        this.#pendingMounts--;
        this.note(`mount of ${pair} ended: ${(error as Error).message}`);
        this.#drop(hold);
      },
    );
  }

  unmount(hold: Hold): void {
    this.#drop(hold);
    hold.release();
  }

  remount(hold: Hold, label: number): void {
    const { view } = hold;
    if (view === undefined) return;
    this.#pendingMounts++;
    const settled = (): void => {
      this.#pendingMounts--;
    };
    hold.watch.label = label;
    void view.remount({ label }).then(settled, settled);
  }

  dispatch(
    hold: Hold,
    token: string,
    payload: object,
    storeIndex: number,
    options: object,
    abort: AbortController,
  ): void {
    const command: SentCommand = { token, abort, outcomes: [] };
    const ids = hold.watch.storeIds();
    const store = ids[storeIndex % Math.max(1, ids.length)] ?? [];
    this.commands.push(command);
    void hold.watch.root.dispatch(store, "act", { token, ...payload }, { ...options, signal: abort.signal }).then(
      (reply) => {
        command.outcomes.push("resolved");
        if ((reply as { token?: unknown }).token !== token)
          this.fail(new Divergence("a command gets its own reply", `${token} got ${JSON.stringify(reply)}`));
      },
      (error: unknown) => {
        if (MusubiCommandError.is(error)) command.outcomes.push(error.fate);
        else this.fail(error);
      },
    );
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

  #add(hold: Hold): void {
    this.holds.push(hold);
  }

  #drop(hold: Hold): void {
    const at = this.holds.indexOf(hold);
    if (at >= 0) this.holds.splice(at, 1);
  }

  #watchOf(shared: Connection, module: string, id: string, label: number): RootWatch {
    const root = shared.find({ module, id });
    if (root === undefined) throw new Divergence("a held root is there", `${module}/${id} is not`);
    let watch = this.watches.get(root);
    if (watch === undefined) {
      const opened = createConnection<AnyRegistry>(shared).openRoot({ module, id });
      watch = new RootWatch(root, opened.store, this.server.runs, label);
      opened.release();
      this.watches.set(root, watch);
    }
    return watch;
  }
}
