import {
  type Clock,
  type CommandsOf,
  type Envelope,
  type JsonObject,
  type JsonValue,
  MusubiError,
  PATCH,
  type ParamsOf,
  parseEnvelope,
  type StoreEvent,
  type StoreId,
} from "@musubi/protocol";
import { createPubSub, type PubSub } from "../channels/pubsub.js";
import { systemClock } from "../clock.js";
import { limitsOf, STORE_BOUNDS } from "../limits.js";
import { consoleLogger, type Logger } from "../logger.js";
import { sendFile, type TestFile } from "../uploads/send-file.js";
import { UploadService } from "../uploads/upload-service.js";
import type { User } from "../user.js";
import type { MessagesOf } from "./context-of.js";
import type { Assigns } from "./erased.js";
import type { ServerHooks } from "./hooks.js";
import type { MessageArgs, MessageName } from "./messages.js";
import { SlowClients } from "./outlet/slow-clients.js";
import { Root } from "./root.js";
import { RootCopy } from "./root-copy.js";
import type { Answer } from "./root-message.js";
import { rootIdOf } from "./root-registry.js";
import type { ErasedHooks } from "./run-hooks.js";
import type { AnyStore, StoreDefOf } from "./store-types.js";
import { type StateOf, stateOf } from "./view-state.js";

/** What {@link renderStore} takes beside the store and its params. */
export interface RenderStoreOptions {
  /** The id that the root is mounted with. Default `"1"`. */
  readonly id?: string;
  /** What `ctx.user` is. */
  readonly user?: User;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly pubsub?: PubSub;
  readonly hooks?: readonly ServerHooks[];
  readonly handlerTimeoutMs?: number;
  readonly mountTimeoutMs?: number;
}

type Payload<Def, Name extends keyof CommandsOf<Def>> = CommandsOf<Def>[Name] extends { readonly payload: infer P }
  ? P
  : never;
type ReplyTo<Def, Name extends keyof CommandsOf<Def>> = CommandsOf<Def>[Name] extends { readonly reply: infer R }
  ? R
  : never;

/** A mounted root without a client: what a client would have, and what it can do. */
export interface StoreView<Def, Messages = {}> {
  /** The fields of the root as a client reads them, from the envelopes alone. */
  readonly state: StateOf<Def>;
  /** The tree as it travels, markers included; `null` before the first envelope. */
  readonly tree: JsonValue;
  /** All that was sent, in order. */
  readonly envelopes: readonly Envelope[];
  readonly events: readonly StoreEvent[];
  /** Whether the root is still there: a render that fails takes it down. */
  readonly isLive: boolean;
  /**
   * Sends a command to the root and resolves with its reply once the envelope has come. Rejects with `command_failed`:
   * the error reply is in `details`, what was thrown on the server in `cause`.
   */
  dispatch<Name extends keyof CommandsOf<Def> & string>(
    name: Name,
    ...payload: {} extends Payload<Def, Name> ? [payload?: Payload<Def, Name>] : [payload: Payload<Def, Name>]
  ): Promise<ReplyTo<Def, Name>>;
  /** The same for any store of the tree. */
  dispatchTo(storeId: StoreId, name: string, payload?: JsonValue): Promise<JsonObject>;
  /** Has `info[name]` of the root handle a message; resolves when it is through. Rejects with `invalid_usage`: no such handler. */
  send<Name extends MessageName<Messages>>(name: Name, ...message: MessageArgs<Messages, Name>): Promise<void>;
  /** The same for any store of the tree. */
  sendTo(storeId: StoreId, name: string, message?: unknown): Promise<void>;
  sendUpdate(storeId: StoreId, assigns: Readonly<Record<string, unknown>>): Promise<void>;
  /**
   * Sends a file to an upload slot of a store (default: the root), as a client would; resolves with its ref when it is
   * there. Rejects with `preflight_rejected`: the reasons are in `details`.
   */
  upload(name: string, file: TestFile, storeId?: StoreId): Promise<string>;
  /** Resolves when all async work has come to its end and been shown, what its handlers started included. */
  async(): Promise<void>;
  /** Ends the root; resolves when every store has terminated, and what was uploaded is gone. */
  unmount(): Promise<void>;
}

type ParamsArgument<Params> = [unknown] extends [Params]
  ? [params?: unknown, options?: RenderStoreOptions]
  : {} extends Params
    ? [params?: Params, options?: RenderStoreOptions]
    : [params: Params, options?: RenderStoreOptions];

/**
 * Mounts a store without sockets, to test it: everything runs as on a server, and what is shown went through the
 * envelopes. Rejects with `mount_refused` (the refusal is in `details`, what was thrown in `cause`).
 */
export async function renderStore<S extends AnyStore>(
  store: S,
  ...args: ParamsArgument<ParamsOf<StoreDefOf<S>>>
): Promise<StoreView<StoreDefOf<S>, MessagesOf<S>>> {
  const [params = {}, options = {}] = args as [unknown?, RenderStoreOptions?];
  const { clock = systemClock, logger = consoleLogger } = options;
  const copy = new RootCopy();
  const uploads = new UploadService({}, clock, logger);
  const envelopes: Envelope[] = [];
  let cause: unknown = null;
  const id = options.id ?? "1";
  const root = new Root({
    store,
    id,
    rootId: rootIdOf(store.module, id),
    params,
    user: options.user,
    environment: {
      clock,
      logger,
      pubsub: options.pubsub ?? createPubSub(logger),
      freeze: true,
      ...limitsOf(STORE_BOUNDS, options),
      uploads,
      slowClients: new SlowClients(),
      hooks: [
        ...((options.hooks ?? []) as readonly ErasedHooks[]),
        {
          afterMessage: (report) => {
            cause = report.cause;
          },
        },
      ],
    },
    socket: { unsentBytes: () => 0, whenDrained: () => () => {} },
    held: { bytes: 0 },
    push(event, payload) {
      if (event !== PATCH) return;
      // As over a wire: nothing is shared with the server.
      const envelope = parseEnvelope(JSON.parse(JSON.stringify(payload)));
      envelopes.push(envelope);
      copy.apply(envelope);
    },
    onRelease() {},
  });
  const ask = (code: "command_failed" | "mount_refused", what: string, start: (answer: Answer) => void) =>
    new Promise<JsonObject>((resolve, reject) => {
      start((status, response) => {
        // Once the message is through, its envelope has come and its cause is known.
        queueMicrotask(() => {
          if (status === "ok") resolve(response);
          else reject(new MusubiError(code, `${what}: ${JSON.stringify(response)}`, { details: response, cause }));
        });
      });
    });
  const dispatchTo = (storeId: StoreId, name: string, payload: JsonValue = {}): Promise<JsonObject> =>
    ask("command_failed", `the command "${name}" failed`, (answer) => root.command(storeId, name, payload, answer));
  const sendTo = (storeId: StoreId, name: string, message?: unknown): Promise<void> =>
    enqueued(root.send(name, message, storeId), `the info "${name}"`);
  const enqueued = async (taken: boolean, what: string): Promise<void> => {
    if (!taken) throw new MusubiError("invalid_usage", `no store took ${what}`);
    await root.handled();
  };
  await ask("mount_refused", `the mount of ${store.module} was refused`, (answer) => root.mount(answer));
  const view = {
    get state() {
      return stateOf(copy, copy.tree, []);
    },
    get tree() {
      return copy.tree;
    },
    envelopes,
    get events() {
      return envelopes.flatMap(({ events = [] }) => events);
    },
    get isLive() {
      return root.state.status === "live";
    },
    dispatch: (name: string, payload?: JsonValue) => dispatchTo([], name, payload),
    dispatchTo,
    send: (name: string, message?: unknown) => sendTo([], name, message),
    sendTo,
    sendUpdate: (storeId: StoreId, assigns: Assigns) => enqueued(root.sendUpdate(storeId, assigns), "the update"),
    async: () => root.settled(),
    upload: (name: string, file: TestFile, storeId: StoreId = []) =>
      sendFile(root, uploads, { store_id: storeId, name }, file),
    async unmount() {
      await root.close("unmount");
      await uploads.close();
    },
  };
  // What it is typed by is known to the compiler alone.
  return view as unknown as StoreView<StoreDefOf<S>, MessagesOf<S>>;
}
