import { eventually, FakeClock, ScriptedServer, type TestSocket } from "@musubi/testing";
import { expect, type Mock, vi } from "vitest";
import {
  type AnyRegistry,
  type CacheOptions,
  type CachePersister,
  type CacheRecord,
  connect,
  createMemoryPersister,
  type Logger,
  type MountedStore,
  type MusubiConnection,
  storeCacheKey,
} from "../index.js";

/** A connected client on a scripted server, with a clock that stands still. */
export class CacheWorld {
  readonly server: ScriptedServer = new ScriptedServer();
  readonly clock: FakeClock = new FakeClock();
  readonly logger: { readonly [level in keyof Logger]: Mock<Logger[level]> } = { warn: vi.fn(), error: vi.fn() };
  readonly #sockets: TestSocket[] = [];
  readonly #connections: MusubiConnection<AnyRegistry>[] = [];

  /** A client of its own: another page, as far as the server and the cache can tell. */
  async connect(): Promise<MusubiConnection<AnyRegistry>> {
    const socket = this.server.createSocket();
    this.#sockets.push(socket);
    const { clock, logger } = this;
    const connection = await connect<AnyRegistry>(socket, {
      clock,
      logger,
      random: () => 0.5,
    });
    this.#connections.push(connection);
    return connection;
  }

  /** Closes everything, and checks that nothing is left of it. */
  async close(): Promise<void> {
    for (const connection of this.#connections) await connection.disconnect();
    for (const socket of this.#sockets) socket.disconnect();
    await turn();
    expect(this.clock.pending).toBe(0);
    expect(this.logger.error).not.toHaveBeenCalled();
  }

  /** Gives a hold back and waits until the root is closed. */
  async end({ unmount, state }: MountedStore<string, AnyRegistry>): Promise<void> {
    await unmount();
    this.clock.advance(50);
    await eventually(() => state.current.status === "closed", "the end of the root");
  }

  /** How many messages of an event have come. */
  pushed(event: string): number {
    return this.server.messages(event).length;
  }
}

/** Lets everything that is under way get as far as it can. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3));

/** A record of fields, as a save at `savedAt` would have left it. */
export const recordOf = (fields: object, more: Partial<CacheRecord> = {}): CacheRecord => ({
  format: 1,
  buster: "",
  savedAt: 1_000_000,
  tree: { __musubi_store_id__: [], ...fields },
  streams: [],
  ...more,
});

/** A persister that counts its calls, over one of ours. */
export function spyPersister(): CachePersister & { readonly calls: string[] } {
  const inner = createMemoryPersister();
  const calls: string[] = [];
  return {
    calls,
    get: (key) => (calls.push("get"), inner.get(key)),
    set: (key, record) => (calls.push("set"), inner.set(key, record)),
    delete: (key) => (calls.push("delete"), inner.delete(key)),
    keys: () => inner.keys(),
  };
}

/** Options with a persister that holds this record for a root. */
export function cachedAs(
  root: { module: string; id: string; params?: object },
  record: unknown,
): CacheOptions & { readonly persister: CachePersister } {
  const persister = createMemoryPersister();
  void persister.set(storeCacheKey(root), record as CacheRecord);
  return { persister };
}
