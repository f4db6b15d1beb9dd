import type { Acknowledged } from "./acknowledged.js";
import { type Payload, payloads, stampedPayload } from "./payload.js";
import type { RoundOrder, ServerRound } from "./round.js";
import type { ServerSide } from "./subjects/subject.js";

/**
 * Messages that may be on their way to each client, and to all at least: some kilobytes for each, which the kernel takes
 * without making anyone wait.
 */
const WINDOW = 32;
const WINDOW_OF_ALL = 4_096;

/** How many texts there are. */
const TEXTS = 1_021;

/** Goes on from round to round, so that each change changes something: a store sends nothing upon the same text. */
let ticks = 0;

/** How long the clients may take for what is on its way, in milliseconds; then the run fails. */
const STALL_MS = 20_000;

/** Sends as `order` says and waits until the clients have everything. */
export async function sendRound(
  server: ServerSide,
  acknowledged: Acknowledged,
  order: RoundOrder,
): Promise<ServerRound> {
  const sender = new Sender(server, acknowledged, order);
  const cpu = process.cpuUsage();
  const from = performance.now();
  await (order.rate === undefined ? sender.flatOut() : sender.paced(order.rate));
  const until = performance.now();
  await acknowledged.reached(sender.until, STALL_MS);
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - from;
  return { messages: sender.sent, ms, cpuMs: (user + system) / 1e3, waited: sender.waitedMs / (until - from) };
}

class Sender {
  sent = 0;
  waitedMs = 0;
  readonly #server: ServerSide;
  readonly #acknowledged: Acknowledged;
  readonly #order: RoundOrder;
  readonly #before: number;
  readonly #texts: readonly Payload[];
  #next = 0;

  constructor(server: ServerSide, acknowledged: Acknowledged, order: RoundOrder) {
    this.#server = server;
    this.#acknowledged = acknowledged;
    this.#order = order;
    this.#before = acknowledged.count;
    this.#texts = textsOf(order.textBytes);
  }

  /** What the clients will have counted when all this has come. */
  get until(): number {
    return this.#before + this.sent;
  }

  /** Sends tick after tick, and waits only while too much is on its way. */
  async flatOut(): Promise<void> {
    const { ms, targets, perTick } = this.#order;
    const window = Math.max(WINDOW * targets, WINDOW_OF_ALL);
    const end = performance.now() + ms;
    for (let from = performance.now(); from < end; from = performance.now()) {
      if (this.until - this.#acknowledged.count + perTick * targets > window) {
        await this.#acknowledged.reached(this.until - window / 2, STALL_MS);
        this.waitedMs += performance.now() - from;
      } else {
        for (let each = 0; each < perTick; each++) this.#toAll();
        await tick();
      }
    }
  }

  /** Sends `rate` messages per second, each change in a tick of its own, as those of an app come. */
  async paced(rate: number): Promise<void> {
    const { ms, kind, targets, textBytes } = this.#order;
    const start = performance.now();
    for (let at = start; at < start + ms; at = performance.now()) {
      for (const due = ((at - start) / 1e3) * rate; this.sent < due; ) {
        if (kind === "broadcast") this.#broadcast(stampedPayload(textBytes));
        else this.#push(this.#next++ % targets, stampedPayload(textBytes));
        await tick();
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  #toAll(): void {
    ticks += 1;
    const texts = this.#texts;
    if (this.#order.kind === "broadcast") {
      this.#broadcast(texts[ticks % TEXTS] as Payload);
      return;
    }
    for (let to = 0; to < this.#order.targets; to++) this.#push(to, texts[(to + ticks) % TEXTS] as Payload);
  }

  #broadcast(payload: Payload): void {
    this.#server.broadcast?.(payload);
    this.sent += this.#order.targets;
  }

  #push(to: number, payload: Payload): void {
    this.#server.push(to, payload);
    this.sent += 1;
  }
}

const texts = new Map<number, readonly Payload[]>();

function textsOf(size: number): readonly Payload[] {
  const known = texts.get(size) ?? payloads(TEXTS, size);
  texts.set(size, known);
  return known;
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
