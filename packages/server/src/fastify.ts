import type { Server } from "node:http";
import type { FastifyInstance } from "fastify";

/** What the plugin serves: an endpoint, a store server, or anything else that attaches and closes like them. */
export interface Attachable {
  attach(server: Server, options: { readonly path: string }): unknown;
  close(): Promise<void>;
}

export interface MusubiFastifyOptions {
  /** What to serve; it is closed with the Fastify instance. */
  readonly endpoint: Attachable;
  /** Where sockets connect, as given to phoenix.js. Default `"/socket"`. */
  readonly path?: string;
}

/**
 * A Fastify plugin: `app.register(musubiFastify, { endpoint, path: "/socket" })`.
 *
 * Attaches when Fastify is ready. Upon `app.close()` every socket is closed first, while the HTTP server still runs:
 * a server waits for its open sockets, so the other order would hang.
 */
export async function musubiFastify(app: FastifyInstance, options: MusubiFastifyOptions): Promise<void> {
  const { endpoint, path = "/socket" } = options;
  app.addHook("onReady", async () => {
    endpoint.attach(app.server, { path });
  });
  app.addHook("preClose", async () => {
    await endpoint.close();
  });
}
