import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A port on 127.0.0.1 that nobody listens on, for a server that has to be told one, and that is to have it again after
 * a restart: systems give ports like this one to nobody who connects somewhere.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    const probe = createServer().listen(port, "127.0.0.1");
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
