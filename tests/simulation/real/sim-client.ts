import { connect, type Logger, type MusubiConnection, MusubiCommandError } from "@musubi/client";
import type { Clock } from "@musubi/protocol";
import type { InferStores } from "@musubi/server";
import { createMemoryTransport, FaultyNetwork, SeededRandom } from "@musubi/testing";
import { Socket } from "phoenix";
import { Divergence } from "../divergence.js";
import { type Coverage, covered } from "../coverage.js";
import type { VirtualTime } from "../virtual-time.js";
import { KINDS, type Kind } from "./kinds.js";
import type { Ledger } from "./ledger.js";
import { PageView } from "./page-view.js";
import type { Asked } from "./sim-process.js";
import type { SimServer } from "./sim-server.js";
import { FORBIDDEN, type SimServer as Served } from "./stores.js";

export type Stores = InferStores<Served>;

/** A command that was sent, and what it came to. */
export interface Sent {
  readonly token: string;
  /** `resolved`, or the fate it had. */
  readonly outcomes: string[];
}

interface Hold {
  readonly page: string;
  readonly root: ReturnType<typeof openBoard>;
  readonly view: PageView;
  /** Listens to its events no more. */
  readonly stop: () => void;
}

/** What all clients of a world share. */
export interface ClientEnvironment {
  readonly time: VirtualTime;
  readonly server: SimServer;
  readonly ledger: Ledger;
  readonly coverage: Coverage<Kind>;
  readonly fail: (error: unknown) => void;
}

/** One page of an application in a browser: a socket over a network of its own, and what it has mounted. */
export class SimClient {
  readonly network: FaultyNetwork;
  readonly clock: Clock & { readonly pending: number };
  readonly sent: Sent[] = [];
  readonly holds: Hold[] = [];
  readonly #environment: ClientEnvironment;
  readonly #socket: Socket;
  readonly #name: string;
  #connection: MusubiConnection<Stores> | undefined;
  #pending = 0;

  constructor(environment: ClientEnvironment, index: number, seed: number) {
    const { time, server } = environment;
    const latency = new SeededRandom(seed ^ 0x5bd1e995);
    const random = new SeededRandom(seed ^ 0x27d4eb2f);
    this.#environment = environment;
    this.#name = `client${index}`;
    this.clock = time.clock();
    this.network = new FaultyNetwork({ clock: time.clock(), latencyMs: () => latency.integer(0, 20) });
    const transport = createMemoryTransport(this.network.wrap(server));
    this.#socket = new Socket("ws://sim/socket", { transport });
    const logger: Logger = {
      warn: () => {},
      error: (message, cause) => environment.fail(cause ?? new Divergence("nothing is reported as an error", message)),
    };
    const options = { clock: this.clock, random: () => random.next(), unmountGraceMs: 50, logger };
    void connect<Stores>(this.#socket, options).then(
      (connection) => {
        this.#connection = connection;
      },
      (error: unknown) => environment.fail(error),
    );
  }

  /** Whether everything asked of the server has been answered, and all that is held is there. */
  get unrest(): string[] {
    const isConnected = this.#connection?.status.current === "ready";
    return [
      ...(isConnected ? [] : [`${this.#name} is ${this.#connection?.status.current}`]),
      ...(this.#pending > 0 ? [`${this.#pending} commands of ${this.#name}`] : []),
      ...(this.network.inFlight > 0 ? [`frames of ${this.#name} on their way`] : []),
      ...this.holds.flatMap(({ page, root }) => {
        const { status } = root.state.current;
        return status === "live" ? [] : [`${page} at ${this.#name} is ${status}`];
      }),
    ];
  }

  open(): void {
    this.#socket.connect();
  }

  mount(page: string, delayMs: number): void {
    const { coverage, ledger, fail } = this.#environment;
    if (this.#connection === undefined) return;
    const root = openBoard(this.#connection, page, delayMs);
    const view = new PageView(`${page} at ${this.#name}`, ledger, page, root.store, coverage);
    const stop = root.store.handleEvent("changed", (event) => {
      try {
        view.heard(event.rev);
      } catch (error) {
        fail(error);
      }
    });
    const hold: Hold = { page, root, view, stop };
    this.holds.push(hold);
    root.ready.then(
      () => coverage.note("mounted"),
      (error: { readonly code: string }) => {
        const isHeld = this.#drop(hold);
        if (isHeld && !["mount_refused", "mount_timeout"].includes(error.code))
          fail(new Divergence("a root that somebody holds is tried again", `${page} failed: ${error.code}`));
        const isForbidden = page === FORBIDDEN && error.code === "mount_refused";
        coverage.note(
          isForbidden ? "mount of what is forbidden" : covered(`mount failed: ${usual(error.code)}`, KINDS),
        );
      },
    );
  }

  unmount(index: number): void {
    const hold = this.holds[index % Math.max(1, this.holds.length)];
    if (hold === undefined) return;
    this.#environment.coverage.note("unmounted");
    this.#drop(hold);
  }

  command(index: number, card: number, asked: Asked): void {
    const hold = this.holds[index % Math.max(1, this.holds.length)];
    if (hold === undefined) return;
    const { coverage, fail } = this.#environment;
    const snapshot = hold.root.store.snapshot();
    const size = snapshot === undefined ? 0 : hold.root.store.even.length;
    const child = size > 0 && card % 2 === 0 ? hold.root.store.even[card % size] : undefined;
    coverage.note(child === undefined ? "command of a root" : "command of a child");
    const sent: Sent = { token: asked.token, outcomes: [] };
    this.sent.push(sent);
    this.#pending++;
    (child ?? hold.root.store).dispatchCommand("act", asked).then(
      (reply) => {
        this.#pending--;
        sent.outcomes.push("resolved");
        coverage.note("command resolved");
        if (reply.token !== asked.token) fail(new Divergence("a command gets its own reply", asked.token));
      },
      (error: unknown) => {
        this.#pending--;
        if (!MusubiCommandError.is(error)) return fail(error);
        const { fate, code } = error;
        sent.outcomes.push(fate);
        coverage.note(covered(fate === "rejected" ? `command rejected: ${usual(code)}` : `command ${fate}`, KINDS));
      },
    );
  }

  look(): void {
    for (const { view } of this.holds) view.check();
  }

  /** To be called when nothing is under way: what is shown is what there is. */
  compare(): void {
    for (const { view } of this.holds) view.compare();
  }

  async leave(): Promise<void> {
    for (const hold of Array.from(this.holds)) this.#drop(hold);
    await this.#connection?.disconnect();
    this.#socket.disconnect();
  }

  /** Whether it was held. */
  #drop(hold: Hold): boolean {
    const at = this.holds.indexOf(hold);
    if (at < 0) return false;
    this.holds.splice(at, 1);
    hold.stop();
    hold.root.release();
    return true;
  }
}

function openBoard(connection: MusubiConnection<Stores>, id: string, delayMs: number) {
  return connection.openRoot({ module: "Sim.Board", id, params: { delayMs } });
}

/** What comes to a root that is going or has gone is refused in one of three ways, two of them too rare to count on. */
function usual(code: string): string {
  return code === "unknown_root" || code === "root_down" ? "unmounted" : code;
}
