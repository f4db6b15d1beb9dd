/** The process of a subject's clients. Its parent tells it what to do. */
import { createHistogram } from "node:perf_hooks";
import { acknowledger } from "./acknowledged.js";
import { answerCalls } from "./calls.js";
import { LoadClient, type LoadClientEvents } from "./load-client.js";
import { nowUs, stampIn } from "./payload.js";
import type { ClientRound } from "./round.js";
import type { ClientSide, SubjectName } from "./subjects/subject.js";
import { CLIENTS } from "./subjects/subjects.js";

/** Sockets that connect at once: as many as a server takes without refusing. */
const AT_ONCE = 50;

/**
 * How long the clients look away between reads while a server sends as fast as it can, in milliseconds. So each read
 * finds many sockets ready, and no server pays for waking them, message by message.
 */
const LOOK_AWAY_MS = 2;

let subject: ClientSide | undefined;
let port = 0;
let acknowledge: (count: number) => void = () => {};
const clients: LoadClient[] = [];
const latencies = createHistogram();
let total = 0;
let isStamped = false;
let looksAway = false;
let begun = { messages: 0, cpu: process.cpuUsage() };
let bytes = 0;

const events: LoadClientEvents = {
  onFrame(data, from, to) {
    total += 1;
    if (isStamped) {
      const stamp = stampIn(data, from, to);
      if (stamp !== undefined) latencies.record(Math.max(1, nowUs() - stamp));
    }
    acknowledge(total);
  },
  onBytes(size) {
    bytes += size;
  },
  onEnd(cause) {
    process.stderr.write(`a client: ${cause.message}\n`);
    process.exit(1);
  },
};

const calls = {
  start(argument: { subject: SubjectName; port: number; acknowledgePort: number }): void {
    subject = CLIENTS[argument.subject];
    port = argument.port;
    acknowledge = acknowledger(argument.acknowledgePort);
  },
  /** Opens so many more sockets. */
  async connect(count: number): Promise<void> {
    const own = subject;
    if (own === undefined) return;
    await inTurns(count, async () => {
      const client = new LoadClient(port, await own.path(port), events);
      await client.open(own.hello());
      clients.push(client);
    });
  },
  /** Has the clients from one number to another join, with the roots of each. */
  async join(argument: { from: number; to: number; roots: number }): Promise<void> {
    const own = subject;
    if (own === undefined) return;
    const { from, to, roots } = argument;
    await inTurns(to - from, async (nth) => {
      const at = from + nth;
      // Evenly, whether there are more roots than clients or fewer.
      const ids: number[] = [];
      const share = roots / clients.length;
      for (let root = Math.ceil(at * share); root < (at + 1) * share; root++) ids.push(root);
      await clients[at]?.take(own.join(ids));
    });
  },
  begin(argument: { isStamped: boolean }): void {
    isStamped = argument.isStamped;
    looksAway = !isStamped;
    if (looksAway) lookAway();
    latencies.reset();
    bytes = 0;
    begun = { messages: total, cpu: process.cpuUsage() };
  },
  end(): ClientRound {
    looksAway = false;
    const { user, system } = process.cpuUsage(begun.cpu);
    return {
      messages: total - begun.messages,
      bytes,
      cpuMs: (user + system) / 1e3,
      p50Us: latencies.percentile(50),
      p99Us: latencies.percentile(99),
    };
  },
};

/** What the process can be asked for. */
export type ClientCalls = typeof calls;

answerCalls(calls);

const never = new Int32Array(new SharedArrayBuffer(4));

function lookAway(): void {
  if (!looksAway) return;
  Atomics.wait(never, 0, 0, LOOK_AWAY_MS);
  setImmediate(lookAway);
}

async function inTurns(count: number, work: (nth: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const nth = next;
      next += 1;
      await work(nth);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, worker));
}
