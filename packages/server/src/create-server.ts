import type { Server } from "node:http";
import { type Clock, MusubiError, type StoreId } from "@musubi/protocol";
import type { ChannelDefinition } from "./channels/channel.js";
import { createPubSub, isInProcess, type PubSub } from "./channels/pubsub.js";
import type { Traffic } from "./channels/traffic.js";
import { systemClock } from "./clock.js";
import { ENDPOINT_BOUNDS, limitsOf, STORE_BOUNDS } from "./limits.js";
import { consoleLogger, type Logger } from "./logger.js";
import { connectionChannel } from "./stores/connection-channel.js";
import type { AddressIn, AssignsAt, MessageArgsAt, MessageNameAt, PairIn } from "./stores/addressed.js";
import type { ServerHooks } from "./stores/hooks.js";
import { SlowClients } from "./stores/outlet/slow-clients.js";
import type { RootInspection } from "./stores/root-options.js";
import { type RootAddress, RootRegistry } from "./stores/root-registry.js";
import type { ErasedHooks } from "./stores/run-hooks.js";
import type { AnyStore, StoreDefOf } from "./stores/store-types.js";
import type { WithConnect } from "./transport/connect.js";
import { createEndpoint, type EndpointOptions } from "./transport/endpoint.js";
import { uploadChannel } from "./uploads/upload-channel.js";
import { type UploadOptions, UploadService } from "./uploads/upload-service.js";

/** What {@link createMusubiServer} takes: its own options, and those of the endpoint below it. */
export interface MusubiServerOptions<Stores extends readonly AnyStore[]>
  extends Omit<EndpointOptions, "channels" | "pubsub" | "logger" | "clock" | "maxMailbox"> {
  /** The stores that clients can mount. Children need not be listed. */
  readonly stores: Stores;
  /** Plain channels on the same sockets. */
  readonly channels?: readonly ChannelDefinition[];
  /** Topic of the connection channel. Default `"musubi:connection"`. */
  readonly topic?: string;
  /** Default: one within this process. */
  readonly pubsub?: PubSub;
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** How long a command or info may run, in milliseconds. Default 30 000; past it the reply is `timeout`. */
  readonly handlerTimeoutMs?: number;
  /** How long a root, or the new children of one message, may take to mount, in milliseconds. Default 10 000. */
  readonly mountTimeoutMs?: number;
  /** Messages that may wait for one root. Default 1 000; past it commands are answered `overloaded`. */
  readonly maxMailbox?: number;
  /** Pieces of async work that run at once for one root. Default 64; more of them wait their turn. */
  readonly maxAsync?: number;
  /**
   * Timers, subscriptions and async work that one store has open. Default 1 000; past it `ctx.subscribe`, `ctx.sendAfter`
   * and `ctx.sendEvery` throw, so that the message is answered `overloaded`.
   */
  readonly maxResources?: number;
  /** Roots that one connection can hold. Default 200; past it mounts are answered `too_many_roots`. */
  readonly maxRoots?: number;
  /**
   * Bytes that wait on a socket past which its roots hold back what they change, until those are sent; then one envelope
   * brings all of it. Default 256 KiB.
   */
  readonly conflateAboveBytes?: number;
  /**
   * Stream ops, upload ops and events, which nothing can stand in for, that one root holds back. Default 1 000; past it
   * the root is mounted again when its client has caught up.
   */
  readonly maxHeldOps?: number;
  /** The same in bytes of their JSON, about. Default 1 MiB; for all roots of one socket together `maxUnsentBytes`. */
  readonly maxHeldBytes?: number;
  /** Roots of all clients, those whose stores still terminate included. Default 100 000; past it mounts are `overloaded`. */
  readonly maxTotalRoots?: number;
  /** Bytes of the JSON of a mount's params, about. Default 64 KiB; past it mounts are answered `too_large`. */
  readonly maxParamsBytes?: number;
  /** What runs around every mount, command, render and message, in this order. */
  readonly hooks?: readonly ServerHooks[];
  /** Bounds, temp files and the secret of uploads. */
  readonly uploads?: UploadOptions;
  /** Freezes assigns, so that changing one in place throws. Default: unless `NODE_ENV` is `"production"`. */
  readonly freezeAssigns?: boolean;
}

/** What is open on a server right now, and what it has sent: for metrics and devtools. */
export interface ServerInspection {
  readonly sockets: number;
  readonly channels: number;
  readonly roots: readonly RootInspection[];
  /** Files announced and not gone, and the bytes they may have on this server. */
  readonly uploads: { readonly files: number; readonly bytes: number };
  readonly traffic: Traffic;
  readonly slowClients: {
    /** Roots that hold back what they change at the moment. */
    readonly holding: number;
    /** Envelopes sent so far in the place of what had been held back. */
    readonly conflated: number;
    /** Roots that had to be mounted again because more changed than they may hold back. */
    readonly remounted: number;
  };
  /** `close` has been called. */
  readonly isClosing: boolean;
}

/** A server of stores and channels; {@link InferStores} reads the stores' types off it. */
export interface MusubiServer<Stores extends readonly AnyStore[] = readonly AnyStore[]> {
  readonly pubsub: PubSub;
  /** Serves `<path>/websocket` and `<path>/longpoll` on an HTTP server; returns the undo. */
  attach(server: Server, options: { readonly path: string }): () => void;
  /** Sends an event to every client that has joined a topic of a plain channel. */
  broadcast(topic: string, event: string, payload: unknown): void;
  /** Closes every socket that the `connect` hook gave this id. */
  disconnect(socketId: string): void;
  /**
   * Enqueues a message for `info[name]` of every root mounted as this pair, whoever its client is; how many took it.
   * It never waits for them. Name and message are checked against the `messages` of the root store.
   */
  send<const Address extends AddressIn<Stores>, Name extends MessageNameAt<Stores, Address>>(
    address: Address,
    name: Name,
    ...message: MessageArgsAt<Stores, Address, Name>
  ): number;
  /**
   * Changes some assigns of a store, by its id in the tree, in every root mounted as this pair, as if it had assigned
   * them; how many took it. It never waits for them. Those of the root, whose id is `[]`, are checked; for others write
   * `{ ... } satisfies Partial<AssignsOf<typeof Other>>`.
   */
  sendUpdate<const Pair extends PairIn<Stores>, const Id extends StoreId>(
    root: Pair,
    storeId: Id,
    assigns: AssignsAt<Stores, Pair, Id>,
  ): number;
  /** What is open right now. */
  inspect(): ServerInspection;
  /**
   * Adds hooks that come after those there are, for roots that live already too; returns the undo. For what is built
   * around a server, such as its operations.
   */
  addHooks(hooks: ServerHooks): () => void;
  /**
   * Ends every socket and every root, and resolves when stores have terminated; `drainTimeoutMs` bounds each of the
   * two steps. The HTTP server stays as it is.
   */
  close(): Promise<void>;
  /** Carries types only; never set. */
  readonly "~stores"?: Stores;
}

/** The registry of a server's stores, for `connect<Stores>(socket)`: the client is typed without generated code. */
export type InferStores<S> =
  S extends MusubiServer<infer Stores> ? { [Each in Stores[number] as Each["module"]]: StoreDefOf<Each> } : never;

/**
 * Creates a server of stores: every client that connects can mount them by module and id, each for itself.
 *
 * Throws `invalid_usage` for two stores of one module, and for a limit or a secret that can be none.
 */
export function createMusubiServer<const Stores extends readonly AnyStore[]>(
  options: MusubiServerOptions<Stores> & WithConnect,
): MusubiServer<Stores> {
  const {
    stores,
    channels = [],
    topic,
    uploads: uploadOptions,
    freezeAssigns = process.env["NODE_ENV"] !== "production",
    // Of stores here; that of channels is the endpoint's own.
    maxMailbox: _,
    ...endpointOptions
  } = options;
  const { maxRoots, maxTotalRoots, maxParamsBytes, conflateAboveBytes, maxHeldOps, maxHeldBytes, ...ofRoots } =
    limitsOf(STORE_BOUNDS, options);
  const { maxUnsentBytes, drainTimeoutMs } = limitsOf(ENDPOINT_BOUNDS, options);
  const logger = options.logger ?? consoleLogger;
  const clock = options.clock ?? systemClock;
  const pubsub = options.pubsub ?? createPubSub(logger);
  const registry = new RootRegistry();
  // The types end here: what a hook gets is the same handle that stores get.
  const hooks: ErasedHooks[] = [...((options.hooks ?? []) as readonly ErasedHooks[])];
  let isClosing = false;
  const uploads = new UploadService(uploadOptions ?? {}, clock, logger);
  const slowClients = new SlowClients({
    conflateAboveBytes,
    maxHeldOps,
    maxHeldBytes,
    maxHeldBytesPerSocket: maxUnsentBytes,
  });
  const connection = connectionChannel({
    ...(topic === undefined ? {} : { topic }),
    stores: byModule(stores),
    registry,
    maxRoots,
    maxTotalRoots,
    maxParamsBytes,
    environment: {
      clock,
      logger,
      pubsub,
      freeze: freezeAssigns,
      ...ofRoots,
      slowClients,
      hooks,
      uploads,
    },
  });
  // First, so that no other channel's prefix can take its topic.
  const endpoint = createEndpoint({
    ...endpointOptions,
    channels: [connection as ChannelDefinition, uploadChannel(uploads) as ChannelDefinition, ...channels],
    pubsub,
    logger,
    clock,
  });
  // Once nothing can be wrong with the options any more.
  if (uploadOptions !== undefined || stores.some(({ definition }) => definition.uploads.size > 0)) {
    uploads.start();
    if (!isInProcess(pubsub) && uploadOptions?.secret === undefined) logger.warn({}, NO_SHARED_SECRET);
  }
  return {
    pubsub,
    attach: (server, { path }) => endpoint.attach(server, { path }),
    broadcast: (to, event, payload) => endpoint.broadcast(to, event, payload),
    disconnect: (socketId) => endpoint.disconnect(socketId),
    send: (address: RootAddress, name: string, message?: unknown) => registry.send(address, name, message),
    sendUpdate: (root, storeId, assigns) => registry.sendUpdate(root, storeId, assigns),
    inspect() {
      const roots = registry.inspect();
      const { conflated, remounted } = slowClients;
      return {
        ...endpoint.inspect(),
        roots,
        uploads: uploads.inspect(),
        traffic: endpoint.traffic,
        slowClients: { holding: roots.filter(({ isHolding }) => isHolding).length, conflated, remounted },
        isClosing,
      };
    },
    addHooks(added) {
      // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- it is not where an app registers its user
      const erased = added as ErasedHooks;
      hooks.push(erased);
      return () => {
        const at = hooks.indexOf(erased);
        if (at !== -1) hooks.splice(at, 1);
      };
    },
    async close() {
      isClosing = true;
      await endpoint.close();
      await registry.close(clock, drainTimeoutMs);
      await uploads.close();
    },
  };
}

const NO_SHARED_SECRET =
  "a pubsub of several processes, but no uploads.secret: give all of them the same, or each refuses the others' tokens";

function byModule(stores: readonly AnyStore[]): ReadonlyMap<string, AnyStore> {
  const modules = new Map<string, AnyStore>();
  for (const store of stores) {
    if (modules.has(store.module)) {
      throw new MusubiError("invalid_usage", `two stores are called "${store.module}": give one another module name`);
    }
    modules.set(store.module, store);
  }
  return modules;
}
