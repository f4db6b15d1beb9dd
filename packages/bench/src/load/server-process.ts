/** The process of a subject's server. Its parent tells it what to do. */
import { Acknowledged } from "./acknowledged.js";
import { answerCalls } from "./calls.js";
import type { RoundOrder } from "./round.js";
import { sendRound } from "./send-round.js";
import type { ServerSide, SubjectName } from "./subjects/subject.js";
import { SERVERS } from "./subjects/subjects.js";

const acknowledged = new Acknowledged();
let server: ServerSide | undefined;

const calls = {
  async start(subject: SubjectName): Promise<{ port: number; acknowledgePort: number }> {
    server = await SERVERS[subject]();
    return { port: server.port, acknowledgePort: await acknowledged.listen() };
  },
  /** Bytes in use on and off the heap of V8; what the kernel and libuv hold is not among them. */
  async memory(): Promise<number> {
    // Several times, a while apart: what one lets go of may hold more.
    for (let each = 0; each < 4; each++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
  async round(order: RoundOrder) {
    if (server === undefined) throw new Error("not started");
    return sendRound(server, acknowledged, order);
  },
};

/** What the process can be asked for. */
export type ServerCalls = typeof calls;

answerCalls(calls);
