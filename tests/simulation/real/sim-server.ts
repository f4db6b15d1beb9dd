import type { Clock } from "@musubi/protocol";
import type { Logger } from "@musubi/server";
import type { MemoryListener, MemoryPeer } from "@musubi/testing";
import { ChannelRouter } from "../../../packages/server/src/channels/channel-router.js";
import { DEFAULT_SESSION_LIMITS } from "../../../packages/server/src/channels/session-limits.js";
import { SocketSession } from "../../../packages/server/src/channels/socket-session.js";
import { connectionChannel } from "../../../packages/server/src/stores/connection-channel.js";
import { SlowClients } from "../../../packages/server/src/stores/outlet/slow-clients.js";
import { RootRegistry } from "../../../packages/server/src/stores/root-registry.js";
import type { Ledger } from "./ledger.js";
import { SimLine } from "./sim-line.js";
import { SimProcess } from "./sim-process.js";
import { createBoard } from "./stores.js";

/** How long a handler may run here, in milliseconds. */
const HANDLER_TIMEOUT_MS = 2_000;

interface Life {
  readonly process: SimProcess;
  readonly registry: RootRegistry;
  readonly slowClients: SlowClients;
  readonly router: ChannelRouter;
}

/** Connections in memory to the real server's sessions, which a new process can take over. */
export class SimServer implements MemoryListener {
  /** Clients that were cut off for reading too slowly. */
  cuts = 0;
  /** Of lives that are over. */
  #conflated = 0;
  #remounted = 0;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #lines = new Map<SimLine, SocketSession>();
  #life: Life;

  constructor(ledger: Ledger, clock: Clock, logger: Logger) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#logger = logger;
    this.#life = this.#begin();
  }

  get process(): SimProcess {
    return this.#life.process;
  }

  /** Envelopes that stood in for several, and roots mounted again for slowness. */
  get slowness(): { readonly conflated: number; readonly remounted: number } {
    const { conflated, remounted } = this.#life.slowClients;
    return { conflated: this.#conflated + conflated, remounted: this.#remounted + remounted };
  }

  /** What is not at rest, in words; empty when all is. */
  get unrest(): string[] {
    const roots = this.#life.registry.inspect();
    return [
      ...roots
        .filter(({ waiting, async, isHolding, status }) => waiting + async > 0 || isHolding || status !== "live")
        .map((root) => JSON.stringify(root)),
      ...[...this.#lines.keys()].filter(({ unsentBytes }) => unsentBytes > 0).map(() => "a line with unsent bytes"),
    ];
  }

  /** What is held on behalf of clients, in words; empty when none is left. */
  get leftovers(): string[] {
    const { process, registry } = this.#life;
    const roots = registry.inspect().map(({ rootId, status }) => `${rootId} is ${status}`);
    const drains = [...this.#lines.keys()].some(({ listeners }) => listeners > 0);
    return [
      ...roots,
      ...(process.subscriptions > 0 ? [`${process.subscriptions} subscriptions`] : []),
      ...(drains ? ["somebody waits for a line to drain"] : []),
    ];
  }

  /** Versions of the roots of a pair, one for each client that has it. */
  versions(rootId: string): number[] {
    return this.#life.registry.inspect().flatMap((root) => (root.rootId === rootId ? [root.version] : []));
  }

  /** The lines to all clients stand still. */
  stall(index: number, ms: number, again: number): void {
    const lines = [...this.#lines.keys()];
    lines[index % Math.max(1, lines.length)]?.stall(ms, again);
  }

  connect(_url: string, peer: MemoryPeer): ReturnType<MemoryListener["connect"]> {
    const { process, router } = this.#life;
    const line = new SimLine(
      this.#clock,
      (text) => peer.send(text),
      () => {
        this.cuts++;
        this.#end(line);
        peer.close(1006);
      },
    );
    const session = new SocketSession(
      { router, pubsub: process.pubsub, logger: this.#logger, clock: this.#clock, limits: DEFAULT_SESSION_LIMITS },
      {
        send: ({ data }) => line.send(data as string),
        close: () => {
          this.#end(line);
          peer.close(1011);
        },
      },
      {
        id: null,
        params: {},
        headers: {},
        user: undefined,
        unsentBytes: () => line.unsentBytes,
        whenDrained: (listener) => line.whenDrained(listener),
      },
    );
    this.#lines.set(line, session);
    return { message: (text) => session.receiveText(text), close: () => this.#end(line) };
  }

  /** The process dies; the next one begins. */
  restart(): void {
    const { process, slowClients } = this.#life;
    process.kill();
    for (const line of this.#lines.keys()) this.#end(line);
    this.#conflated += slowClients.conflated;
    this.#remounted += slowClients.remounted;
    this.#life = this.#begin();
  }

  #begin(): Life {
    const process = new SimProcess(this.#ledger, this.#clock);
    const board = createBoard(process);
    const registry = new RootRegistry();
    const slowClients = new SlowClients({ conflateAboveBytes: 100, maxHeldOps: 40, maxHeldBytes: 5_000 });
    const channel = connectionChannel({
      stores: new Map([[board.module, board]]),
      registry,
      maxRoots: 20,
      maxTotalRoots: 1_000,
      maxParamsBytes: 1_000,
      environment: {
        clock: this.#clock,
        logger: this.#logger,
        pubsub: process.pubsub,
        freeze: true,
        handlerTimeoutMs: HANDLER_TIMEOUT_MS,
        mountTimeoutMs: HANDLER_TIMEOUT_MS,
        maxMailbox: 1_000,
        maxAsync: 4,
        maxResources: 1_000,
        hooks: [],
        slowClients,
      },
    });
    return { process, registry, slowClients, router: new ChannelRouter([channel as never]) };
  }

  #end(line: SimLine): void {
    const session = this.#lines.get(line);
    this.#lines.delete(line);
    line.close();
    session?.transportClosed();
  }
}
