import { FORBIDDEN } from "./stores.js";
import { SeededRandom } from "@musubi/testing";
import { Coverage, covered } from "../coverage.js";
import { Divergence } from "../divergence.js";
import { PLANNED_ERROR } from "../planned-error.js";
import { play, type Played, type ScenarioResult, type Script } from "../play.js";
import { settlePromises, VirtualTime } from "../virtual-time.js";
import type { Action } from "./actions.js";
import { KINDS, type Kind } from "./kinds.js";
import { Ledger } from "./ledger.js";
import { SimClient } from "./sim-client.js";
import { SimServer } from "./sim-server.js";

const CLIENTS = 3;
const PAGES = ["a", "a", "a", "b", "b", FORBIDDEN];
/** Longest that all may take to agree once nothing goes wrong any more, in virtual milliseconds. */
const AGREE_WITHIN_MS = 240_000;

/** Runs a scenario of several clients and the real server. */
export function runRealScenario(seed: number, actions: readonly Action[]): Promise<ScenarioResult<Kind>> {
  return play(() => {
    const scenario = new RealScenario(seed);
    return { world: scenario, script: scenario };
  }, actions);
}

class RealScenario implements Played<Kind>, Script<Action> {
  readonly time = new VirtualTime();
  readonly coverage = new Coverage<Kind>();
  readonly trace: string[] = [];
  readonly #ledger = new Ledger();
  readonly #serverClock = this.time.clock();
  readonly #server: SimServer;
  readonly #clients: SimClient[] = [];
  readonly #seed: number;
  #tokens = 0;
  #failure: Error | undefined;

  constructor(seed: number) {
    this.#seed = seed;
    this.#server = new SimServer(this.#ledger, this.#serverClock, {
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: ({ err }: { err?: unknown }, message: string) => {
        if (err !== PLANNED_ERROR)
          this.fail(new Divergence("the server reports no error", `${message}: ${String(err)}`));
      },
    });
  }

  note(text: string): void {
    this.trace.push(`${this.time.now - 1_000_000} ${text}`);
  }

  fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  async begin(): Promise<void> {
    const environment = {
      time: this.time,
      server: this.#server,
      ledger: this.#ledger,
      coverage: this.coverage,
      fail: (error: unknown) => this.fail(error),
    };
    for (let index = 0; index < CLIENTS; index++) {
      this.#clients.push(new SimClient(environment, index, this.#seed + index * 7919));
    }
    await this.pass(200);
  }

  async act(action: Action): Promise<void> {
    const { process } = this.#server;
    switch (action.do) {
      case "wait":
        return this.pass(action.ms);
      case "fault":
        this.coverage.note(covered(action.fault.kind, KINDS));
        return this.#client(action.client).network.inject(action.fault);
      case "restart":
        this.coverage.note("restart");
        for (const { network } of this.#clients) network.inject({ kind: "restart", ms: action.ms });
        return this.#server.restart();
      case "stall":
        this.coverage.note("line stalled");
        return this.#server.stall(action.line, action.ms, action.again);
      case "change": {
        const random = new SeededRandom(action.seed);
        for (let time = 0; time < action.times; time++) {
          process.change(pageOf(action.page), random.integer(0, 1 << 30));
          if (random.chance(0.4)) process.note(pageOf(action.page), random.integer(0, 9));
          // Now and then a message of a root's comes between two.
          if (random.chance(0.3)) await this.pass(random.integer(0, 5));
        }
        return;
      }
      case "note":
        this.coverage.note("note");
        for (let time = 0; time < action.times; time++) process.note(pageOf(action.page), action.card);
        return;
      case "mount":
        return this.#client(action.client).mount(pageOf(action.page), action.delayMs);
      case "unmount":
        return this.#client(action.client).unmount(action.hold);
      case "command":
        for (let time = 0; time < action.times; time++) {
          const asked = { token: `t${this.#tokens++}`, mood: action.mood, seed: action.seed + time };
          this.#client(action.client).command(action.hold, action.card, asked);
        }
        return;
      case "settle":
        return this.settle();
      default:
        return action satisfies never;
    }
  }

  async pass(ms: number): Promise<void> {
    const until = this.time.now + ms;
    await settlePromises();
    this.#look();
    while (this.time.runNext(until)) {
      await settlePromises();
      this.#look();
    }
    this.time.moveTo(until);
  }

  async settle(): Promise<void> {
    for (const client of this.#clients) {
      client.network.heal();
      client.open();
    }
    const deadline = this.time.now + AGREE_WITHIN_MS;
    let unrest: string[];
    do {
      await this.pass(500);
      unrest = [...this.#server.unrest, ...this.#clients.flatMap((client) => client.unrest)];
      if (unrest.length > 0 && this.time.now > deadline)
        throw new Divergence("all agree in the end", unrest.join("; "));
    } while (unrest.length > 0);
    for (const client of this.#clients) client.compare();
    this.coverage.note("settled world");
  }

  async end(): Promise<void> {
    for (const client of this.#clients) await client.leave();
    await this.pass(60_000);
    const { leftovers, slowness, cuts } = this.#server;
    if (leftovers.length > 0) throw new Divergence("a client that left holds nothing", leftovers.join(", "));
    const timers = [this.#serverClock, ...this.#clients.map(({ clock }) => clock)].map(({ pending }) => pending);
    if (timers.some((pending) => pending > 0)) throw new Divergence("no timer is left", timers.join(", "));
    if (slowness.conflated > 0) this.coverage.note("conflated");
    if (slowness.remounted > 0) this.coverage.note("mounted again for slowness");
    if (cuts > 0) this.coverage.note("cut for slowness");
    for (const { token, outcomes } of this.#clients.flatMap(({ sent }) => sent)) {
      const effects = this.#ledger.effects.get(token) ?? 0;
      const [outcome] = outcomes;
      const isTrue = outcome === "resolved" ? effects === 1 : outcome === "unknown" ? effects <= 1 : effects === 0;
      if (outcomes.length !== 1 || !isTrue)
        throw new Divergence("a command's outcome is true", `${token} is ${outcomes.join()}, with ${effects} effects`);
    }
  }

  #client(index: number): SimClient {
    return this.#clients[index % CLIENTS] as SimClient;
  }

  #look(): void {
    for (const client of this.#clients) client.look();
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function ignore(): void {}

function pageOf(index: number): string {
  return PAGES[index % PAGES.length] as string;
}
