import type {
  AnyRegistry,
  CommandName,
  CommandPayload,
  CommandReply,
  EventName,
  EventPayload,
  StoreModule,
} from "@musubi/client";
import { COMMAND, isObject, type JsonValue, type StoreId } from "@musubi/protocol";
import { eventually } from "../eventually.js";
import type { FaultyNetwork } from "../faulty-network.js";
import type { ModuleOf, RootName } from "../scenario/scenario.js";
import { splitName } from "../scenario/stage.js";
import { ScriptedServer, type TestSocket } from "../scripted-server.js";
import { changesBetween, fillingStreams, type RenderedState, renderState } from "./render-state.js";
import type { DefsOf, TestRoots, TestState } from "./test-state.js";

/** The names of all commands of a registry, those of child stores among them. */
export type AnyCommandName<R> =
  string extends StoreModule<R> ? string : DefsOf<R> extends infer Def ? NameIn<Def> : never;

/** What a command is sent with, in whatever store it is. */
export type AnyCommandPayload<N, R> =
  string extends StoreModule<R> ? unknown : DefsOf<R> extends infer Def ? PayloadIn<Def, N> : never;

/** What a command is answered with, in whatever store it is. */
export type AnyCommandReply<N, R> =
  string extends StoreModule<R> ? unknown : DefsOf<R> extends infer Def ? ReplyIn<Def, N> : never;

type NameIn<Def> = Def extends unknown ? CommandName<Def, AnyRegistry> : never;
type PayloadIn<Def, N> = Def extends unknown ? CommandPayload<Def, N, AnyRegistry> : never;
type ReplyIn<Def, N> = Def extends unknown ? CommandReply<Def, N, AnyRegistry> : never;

/** The names of the events of a root's own store. */
export type TestEventName<Name, R> = string extends StoreModule<R> ? string : EventName<ModuleOf<Name>, R>;

/** What an event of a root's own store carries. */
export type TestEventPayload<Name, E, R> = string extends StoreModule<R> ? unknown : EventPayload<ModuleOf<Name>, E, R>;

/** Where a command was sent to. */
export interface CommandTarget<R> {
  readonly root: RootName<R>;
  readonly storeId: StoreId;
}

/** Answers a command, now or later. What it throws becomes the error reply `{ reason: message }`. */
export type CommandHandler<N, R> = (
  payload: AnyCommandPayload<N, R>,
  target: CommandTarget<R>,
) => AnyCommandReply<N, R> | Promise<AnyCommandReply<N, R>>;

/** A command that a client sent. */
export interface SentCommand<R> extends CommandTarget<R> {
  readonly name: string;
  readonly payload: unknown;
}

/** What a test server begins with. */
export interface TestServerOptions<R> {
  /** The roots that may be mounted, with their states; others are refused until `set` makes them. */
  readonly roots?: TestRoots<R>;
  /** What stands between it and its clients; default nothing. */
  readonly network?: FaultyNetwork;
  /** Lets what is under way arrive; default some turns of the event loop. A UI's helper gives its own. */
  readonly settle?: () => Promise<void>;
}

/**
 * A server of plain states, for tests of an app: what a test assigns is what clients show. It computes the envelopes
 * (the protocol's `diff`), and speaks the wire of a plain server behind real phoenix.js sockets.
 *
 * What returns a promise has arrived at the clients when it resolves.
 */
export class TestServer<R = AnyRegistry> {
  /** The server below, for whatever a state cannot say: refusals, held answers, raw messages. */
  readonly scripted: ScriptedServer = new ScriptedServer();
  readonly #network: FaultyNetwork | undefined;
  readonly #settle: () => Promise<void>;
  readonly #states = new Map<string, { readonly state: object; readonly rendered: RenderedState }>();
  readonly #refusals = new Map<string, string>();
  readonly #served = new Set<string>();
  readonly #sockets: TestSocket[] = [];

  constructor({ roots = {}, network, settle = turns }: TestServerOptions<R> = {}) {
    this.#network = network;
    this.#settle = settle;
    for (const [name, state] of Object.entries(roots)) this.#keep(name, state as object);
  }

  /** The commands that clients have sent, in order. */
  get commands(): readonly SentCommand<R>[] {
    return this.scripted.messages(COMMAND).map((message) => {
      const { root_id, store_id, name, payload } = isObject(message) ? message : {};
      return { root: root_id as RootName<R>, storeId: store_id as StoreId, name: String(name), payload };
    });
  }

  /** A real phoenix.js socket to this server, to be given to `connect` or to a provider. Closed with the server. */
  createSocket(options?: object): TestSocket {
    const socket = this.scripted.createSocket(options, this.#network);
    this.#sockets.push(socket);
    return socket;
  }

  /** The state of a root as it was last set. Throws for one that was never. */
  state<Name extends RootName<R>>(root: Name): TestState<ModuleOf<Name>, R> {
    const known = this.#states.get(root);
    if (known === undefined) throw new Error(`"${root}" has no state: give it one in roots, or with set`);
    return known.state as TestState<ModuleOf<Name>, R>;
  }

  /** Gives a root another state, or what a function makes of the one it has. Equal states send nothing. */
  set<Name extends RootName<R>>(
    root: Name,
    next: TestState<ModuleOf<Name>, R> | ((state: TestState<ModuleOf<Name>, R>) => TestState<ModuleOf<Name>, R>),
  ): Promise<void> {
    const before = this.#states.get(root)?.rendered;
    const after = this.#keep(root, typeof next === "function" ? next(this.state(root)) : next);
    if (before !== undefined) {
      const { ops, stream_ops } = changesBetween(before, after);
      if (ops.length > 0 || stream_ops.length > 0) this.scripted.patch(root, ops, { stream_ops });
    }
    return this.#settle();
  }

  /** Gives some fields of a root other values. */
  patch<Name extends RootName<R>>(root: Name, fields: Partial<TestState<ModuleOf<Name>, R>>): Promise<void> {
    return this.set(root, { ...this.state(root), ...fields });
  }

  /** A store emits an event; `storeId` is that of a child, default the root's own store. */
  emit<Name extends RootName<R>, E extends TestEventName<Name, R>>(
    root: Name,
    event: E,
    payload: TestEventPayload<Name, E, R>,
    storeId: StoreId = [],
  ): Promise<void> {
    const events = [{ name: event, payload: payload as JsonValue, store_id: storeId }];
    this.scripted.patch(root, [], { events });
    return this.#settle();
  }

  /** Answers a command of every store that has it. The last handler of a name counts; without one it is refused. */
  onCommand<N extends AnyCommandName<R>>(name: N, handler: CommandHandler<N, R>): this {
    this.scripted.command(name, (payload, { rootId, storeId }) =>
      handler(payload as AnyCommandPayload<N, R>, { root: rootId as RootName<R>, storeId: storeId as StoreId }),
    );
    return this;
  }

  /** Refuses mounts of a root from now on, until it is set. */
  refuse(root: RootName<R>, reason: string): this {
    this.#refusals.set(root, reason);
    this.#serve(root);
    return this;
  }

  /** Ends a root, and says so (`root_down`); with `retry` the client mounts it again with back-off. */
  end(root: RootName<R>, reason: string, { retry = false }: { readonly retry?: boolean } = {}): Promise<void> {
    this.scripted.down(root, reason, retry);
    return this.#settle();
  }

  /** Cuts every connection, and lets nobody in until `comeBack`. */
  goOffline(): Promise<void> {
    this.scripted.accepting = false;
    this.scripted.cut();
    return this.#settle();
  }

  /** Lets clients in again; those that were connected come back by themselves. */
  async comeBack(): Promise<void> {
    this.scripted.accepting = true;
    const sockets = this.#sockets.filter((socket) => isWanted(socket));
    await eventually(() => sockets.every((socket) => socket.isConnected()), "the clients come back");
    await this.#settle();
  }

  /** Lets all that is under way arrive. */
  settle(): Promise<void> {
    return this.#settle();
  }

  /** Closes every socket. */
  close(): void {
    this.scripted.accepting = false;
    for (const socket of this.#sockets.splice(0)) socket.disconnect();
  }

  #keep(root: string, state: object): RenderedState {
    const rendered = renderState(state);
    this.#states.set(root, { state, rendered });
    this.#refusals.delete(root);
    this.#serve(root);
    return rendered;
  }

  #serve(root: string): void {
    const [module] = splitName(root);
    if (this.#served.has(module)) return;
    this.#served.add(module);
    this.scripted.store(
      module,
      (id) => {
        const name = `${module}:${id}`;
        const refusal = this.#refusals.get(name);
        if (refusal !== undefined) throw new Error(refusal);
        const known = this.#states.get(name);
        if (known === undefined) throw new Error("unknown root");
        return known.rendered.tree as Readonly<Record<string, JsonValue>>;
      },
      (id) => {
        const known = this.#states.get(`${module}:${id}`);
        return known === undefined ? {} : { stream_ops: fillingStreams(known.rendered) };
      },
    );
  }
}

/** A server of plain states for the tests of an app. `R` is the registry of its stores. */
export function createTestServer<R = AnyRegistry>(options: TestServerOptions<R> = {}): TestServer<R> {
  return new TestServer<R>(options);
}

/** Whether the app has this socket open, or phoenix.js is trying. */
function isWanted(socket: TestSocket): boolean {
  const { closeWasClean, channels } = socket as unknown as { closeWasClean: boolean; channels: readonly unknown[] };
  return !closeWasClean && channels.length > 0;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}
