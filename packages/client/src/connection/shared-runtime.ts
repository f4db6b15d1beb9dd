import { CONNECTION_TOPIC } from "@musubi/protocol";
import { addUploaders } from "../uploads/upload-transport.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import type { SocketLike } from "./socket-like.js";

/** What to connect to, and how. */
export interface ConnectOptions extends ConnectionOptions {
  /** The topic of the connection channel; default `musubi:connection`. */
  readonly topic?: string;
}

const RUNTIMES: unique symbol = Symbol.for("musubi.runtimes.v1") as never;

interface RuntimeGlobal {
  [RUNTIMES]?: WeakMap<object, SharedRuntime>;
}

/** The connections of one socket, by topic. */
export class SharedRuntime {
  readonly #socket: SocketLike;
  readonly #connections = new Map<string, Connection>();

  constructor(socket: SocketLike) {
    this.#socket = socket;
  }

  /** The connection to a topic with a hold on it, opened if there is none. Only the first caller's options count, but for uploaders. */
  hold(options: ConnectOptions = {}): Connection {
    const topic = options.topic ?? CONNECTION_TOPIC;
    const known = this.#connections.get(topic);
    if (known !== undefined) {
      known.retain();
      addUploaders(known.uploads, options.uploaders, known.logger);
      return known;
    }
    const connection = new Connection(this.#socket, topic, options, () => this.#connections.delete(topic));
    this.#connections.set(topic, connection);
    connection.retain();
    return connection;
  }
}

/**
 * The runtime of a socket. There is one per socket in the whole page, found through our only global, so that two
 * copies of this package (ESM and CJS, hot reload) share their channels (client.md rule 1).
 */
export function getSharedRuntime(socket: SocketLike): SharedRuntime {
  const scope = globalThis as RuntimeGlobal;
  scope[RUNTIMES] ??= new WeakMap();
  let runtime = scope[RUNTIMES].get(socket);
  if (runtime === undefined) {
    runtime = new SharedRuntime(socket);
    scope[RUNTIMES].set(socket, runtime);
  }
  return runtime;
}
