import { resolve } from "node:path";
import { type AnyRegistry, connect } from "@musubi/client";
import type { Socket } from "phoenix";
import type { RedisServer } from "./redis-server.js";
import { ServerProcess } from "./server-process.js";

const SERVER = resolve(import.meta.dirname, "valkey-node.mjs");

/** A process of valkey-node.mjs. */
export interface ValkeyNode {
  readonly process: ServerProcess;
  readonly port: number;
}

/** Its store. */
export interface Board {
  snapshot(): { readonly pid: number; readonly notes: readonly unknown[]; readonly ran: readonly number[] } | undefined;
  subscribe(listener: () => void): () => void;
  dispatchCommand(name: string, payload?: object): Promise<{ n: number; pid: number }>;
}

/** Starts a process; hands it to `own`, which has to see to its end, before it waits for it. */
export async function startNode(
  redis: RedisServer,
  own: (process: ServerProcess) => void,
  env: Record<string, string> = {},
): Promise<ValkeyNode> {
  const process = new ServerProcess([SERVER, redis.url], env);
  own(process);
  return { process, port: Number(await process.line()) };
}

/** Mounts a board over a socket. */
export async function mountBoard(socket: Socket, id: string): Promise<Board> {
  const connection = await connect<AnyRegistry>(socket, { logger: { warn() {}, error() {} } });
  const { store } = await connection.mountStore({ module: "Board", id });
  return store as unknown as Board;
}
