import { once } from "node:events";
import { createServer } from "node:net";

/** Ports of each worker of the test runner: those that run beside each other take none of one another's. */
const WORKERS = 18;
const PORTS_EACH = 1_000;
const first = 12_000 + (Number(process.env["VITEST_POOL_ID"] ?? 0) % WORKERS) * PORTS_EACH;
let next = Math.floor(Math.random() * PORTS_EACH);

/**
 * A port that nobody listens on, for a server that has to be told one, and that is to have it again after a restart:
 * systems give ports like this one to nobody who connects somewhere. The next ones asked for are others.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + (next++ % PORTS_EACH);
    const probe = createServer().listen(port);
    const isFree = await once(probe, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    probe.close();
    await once(probe, "close");
    return port;
  }
}
