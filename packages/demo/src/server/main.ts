import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { createApp } from "./app.js";

// The demo's server. PORT (default 4000, 0 for any free one), HOST (default 127.0.0.1) and MUSUBI_DEMO_DATA (the
// database's folder) set it up. It prints one line with its address when it is ready, and ends on SIGINT or SIGTERM
// once its sockets are closed and its database is.

const here = dirname(fileURLToPath(import.meta.url));
const demoFolder = join(here, "../..");
const host = process.env["HOST"] || "127.0.0.1";

/** Says what is wrong, for a person, and ends with failure. */
function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function portFromEnvironment(): number {
  const text = process.env["PORT"] || "4000";
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  return fail(`PORT is "${text}", which is no port: give a number from 0 to 65535.`);
}

async function listen(app: FastifyInstance, port: number): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EADDRINUSE") {
      fail(`Port ${port} is taken by another program. Choose another, as in: PORT=${port + 1} npm start`);
    }
    if (code === "EACCES") fail(`Port ${port} may not be opened by this user. Choose one above 1023.`);
    if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
      fail(`HOST is "${host}", which is no address of this machine.`);
    throw error;
  }
  const address = app.server.address();
  const actual = typeof address === "object" && address !== null ? address.port : port;
  const isLocal = host === "127.0.0.1" || host === "0.0.0.0" || host === "::";
  return `http://${isLocal ? "localhost" : host.includes(":") ? `[${host}]` : host}:${actual}`;
}

function closeOnSignals(app: FastifyInstance): void {
  let isClosing = false;
  const close = (): void => {
    if (isClosing) return;
    isClosing = true;
    app.close().then(
      () => process.exit(0),
      (error: unknown) => fail(`The server did not close well: ${String(error)}`),
    );
  };
  process.on("SIGINT", close);
  process.on("SIGTERM", close);
}

const port = portFromEnvironment();
const app = await createApp({
  dataFolder: process.env["MUSUBI_DEMO_DATA"] || join(demoFolder, "data"),
  pageFolder: join(here, "../page"),
});
closeOnSignals(app);
const url = await listen(app, port);
process.stdout.write(`The Musubi board is at ${url} - open it in two windows.\n`);
