import {
  ALLOW_UPLOAD,
  CANCEL_UPLOAD,
  COMMAND,
  jsonSize,
  CONNECTION_TOPIC,
  MOUNT,
  MusubiError,
  parseCommand,
  parseMount,
  parseUnmount,
  UNMOUNT,
  UPLOAD_ERROR,
  UPLOAD_PROGRESS,
} from "@musubi/protocol";
import { type ChannelContext, type ChannelDefinition, error, joined, ok, type Reply } from "../channels/channel.js";
import { ownerOf } from "../uploads/upload-channel.js";
import { refusal } from "./failure.js";
import type { HeldTotal } from "./outlet/outlet.js";
import { Root } from "./root.js";
import type { RootEnvironment } from "./root-options.js";
import { type RootRegistry, rootIdOf } from "./root-registry.js";
import type { AnyStore } from "./store-types.js";

/** What this server adds to the base contract (protocol.md section 2). */
export const FEATURES = ["root_down", "events", "store_events"] as const;

/** The longest id that a root can be mounted with, in UTF-16 units. */
const MAX_ID_LENGTH = 1024;

export interface ConnectionChannelOptions {
  readonly topic?: string;
  /** The stores that clients can mount, by module. */
  readonly stores: ReadonlyMap<string, AnyStore>;
  readonly environment: RootEnvironment;
  readonly registry: RootRegistry;
  /** Roots that one connection can hold at once. */
  readonly maxRoots: number;
  /** Roots of all connections at once. */
  readonly maxTotalRoots: number;
  /** Bytes of the JSON of a mount's params, about; they are kept for as long as the root lives. */
  readonly maxParamsBytes: number;
}

/** The roots of one connection, by `root_id`, and what they hold back for a slow client. */
class Roots extends Map<string, Root> {
  readonly held: HeldTotal = { bytes: 0 };
  /** Those that were released while their stores still terminate. */
  ending = 0;
}

/**
 * The channel on which one client mounts its roots (protocol.md section 2). No message, however malformed, ends it:
 * each is answered with an error that carries a code.
 */
export function connectionChannel(options: ConnectionChannelOptions): ChannelDefinition<Roots> {
  return {
    topic: options.topic ?? CONNECTION_TOPIC,
    join: () => joined(new Roots(), { features: FEATURES }),
    handlers: {
      [MOUNT]: (ctx, payload) => guarded(() => mount(options, ctx, payload)),
      [UNMOUNT]: (ctx, payload) => guarded(() => unmount(ctx, payload)),
      [COMMAND]: (ctx, payload) => guarded(() => command(ctx, payload)),
      [ALLOW_UPLOAD]: (ctx, payload) => guarded(() => upload(ctx, ALLOW_UPLOAD, payload)),
      [CANCEL_UPLOAD]: (ctx, payload) => guarded(() => upload(ctx, CANCEL_UPLOAD, payload)),
      [UPLOAD_PROGRESS]: (ctx, payload) => guarded(() => upload(ctx, UPLOAD_PROGRESS, payload)),
      [UPLOAD_ERROR]: (ctx, payload) => guarded(() => upload(ctx, UPLOAD_ERROR, payload)),
    },
    fallback: () => error(refusal("unknown_event")),
    async terminate(ctx) {
      const roots = [...ctx.state.values()];
      await Promise.all(roots.map((root) => root.close("disconnect")));
    },
  };
}

function mount(options: ConnectionChannelOptions, ctx: ChannelContext<Roots>, payload: unknown): Reply | undefined {
  const { module, id, params } = parseMount(payload);
  const store = options.stores.get(module);
  if (store === undefined) return error(refusal("unknown_module"));
  if (id === "" || id.length > MAX_ID_LENGTH) return error(refusal("malformed_message"));
  const roots = ctx.state;
  const rootId = rootIdOf(module, id);
  if (roots.has(rootId)) return error(refusal("already_mounted", { root_id: rootId }));
  // The second bound: a client that mounts and unmounts faster than its stores let go.
  if (roots.size >= options.maxRoots || roots.size + roots.ending >= 2 * options.maxRoots) {
    return error(refusal("too_many_roots"));
  }
  if (options.registry.size >= options.maxTotalRoots) return error(refusal("overloaded"));
  if (jsonSize(params, options.maxParamsBytes, true) > options.maxParamsBytes) return error(refusal("too_large"));
  const root = new Root({
    store,
    id,
    rootId,
    params,
    user: ctx.socket.user,
    environment: options.environment,
    socket: ctx.socket,
    held: roots.held,
    push: (event, message) => ctx.push(event, message),
    onRelease() {
      if (roots.get(rootId) === root) roots.delete(rootId);
      roots.ending += 1;
      void options.registry.release(root).then(() => {
        roots.ending -= 1;
      });
    },
  });
  roots.set(rootId, root);
  options.registry.add(root);
  root.mount(ctx.defer());
  return undefined;
}

function unmount(ctx: ChannelContext<Roots>, payload: unknown): Reply {
  const root = ctx.state.get(parseUnmount(payload).root_id);
  if (root === undefined) return error(refusal("unknown_root"));
  // Silent from here on; its stores let go in the background, and never reject.
  void root.close("unmount");
  return ok();
}

function command(ctx: ChannelContext<Roots>, payload: unknown): Reply | undefined {
  const { root_id, store_id, name, payload: argument, command_id } = parseCommand(payload);
  const root = ctx.state.get(root_id);
  if (root === undefined) return error(refusal("unknown_root"));
  root.command(store_id, name, argument, ctx.defer(), command_id);
  return undefined;
}

function upload(ctx: ChannelContext<Roots>, event: string, payload: unknown): Reply | undefined {
  const root = ctx.state.get(parseUnmount(payload).root_id);
  if (root === undefined) return error(refusal("unknown_root"));
  // Deferred once the message has been read: what is malformed is answered at once.
  root.upload(event, payload, ownerOf(ctx.socket), () => ctx.defer());
  return undefined;
}

/** Answers what a parser refused. */
function guarded(handle: () => Reply | undefined): Reply | undefined {
  try {
    return handle();
  } catch (cause) {
    if (cause instanceof MusubiError) return error(refusal(cause.code));
    throw cause;
  }
}
