import type { AnyRegistry, ConnectOptions, Logger, MusubiConnection } from "@musubi/client";
import { decodeTextFrame, HEARTBEAT, PHX_REPLY } from "@musubi/protocol";
import { Socket } from "phoenix";
import { FakeClock } from "../fake-clock.js";
import { createMemoryTransport } from "../memory-transport.js";
import type { ReceivedMessage, TestSocket } from "../scripted-server.js";
import { type ClientRuntime, clientRuntime } from "./client-runtime.js";
import { type Invariant, Violation } from "./invariants.js";
import { show } from "./match.js";
import { Reference } from "./reference.js";
import { RejectionWatch } from "./rejection-watch.js";
import { RootWatch } from "./root-watch.js";
import { ScenarioServer } from "./scenario-server.js";
import { StageCommands } from "./stage-commands.js";
import { WireLog } from "./wire-log.js";
import { WireRules } from "./wire-rules.js";
import { watchTransport } from "./watched-transport.js";

/** What a scenario may be given. */
export interface ScenarioOptions {
  /** As the client's: time-outs, graces. Clock, random numbers (always 0.5) and logger are the scenario's own. */
  readonly connect?: Omit<ConnectOptions, "clock" | "logger" | "random" | "topic" | "topology">;
  /** The client to drive; default that of this package's own dependency. */
  readonly client?: ClientRuntime;
}

const DEFAULT_WAIT_MS = 10_000;
/** Real milliseconds that an expectation waits to come true. */
const PATIENCE_MS = 2_000;
/** Taken early, so that a test's fake timers do not stop the scenario. */
const nextTurn = globalThis.setTimeout;

type Engine = ReturnType<ClientRuntime["openConnectionState"]>["connection"];

/** One run of a scenario: a client, its server, and everything that watches the two. */
export class Stage {
  readonly clock: FakeClock = new FakeClock();
  readonly server: ScenarioServer = new ScenarioServer();
  readonly socket: TestSocket;
  readonly commands: StageCommands;
  readonly roots: Map<string, RootWatch> = new Map();
  readonly reference: Reference;
  readonly log: WireLog;
  readonly warnings: string[] = [];
  readonly #client: ClientRuntime;
  readonly #options: ConnectOptions;
  readonly #rules: WireRules;
  readonly #violations: Violation[] = [];
  readonly #rejections: RejectionWatch;
  #engine: Engine | undefined;
  #connection: MusubiConnection<AnyRegistry> | undefined;

  constructor({ connect = {}, client = clientRuntime }: ScenarioOptions, log: WireLog) {
    this.log = log;
    this.#client = client;
    const logger: Logger = {
      warn: (message) => this.warnings.push(message),
      error: (message, details) => this.#blame(12, `${message} ${show(details)}`),
    };
    this.#options = { ...connect, clock: this.clock, logger, random: () => 0.5 };
    this.reference = new Reference(this.clock, connect.mountTimeoutMs ?? DEFAULT_WAIT_MS);
    this.#rules = new WireRules(this.reference);
    this.commands = new StageCommands(() => this.#rules.dispatched++);
    this.#rejections = new RejectionWatch((reason) => this.#blame(12, `nobody heard of ${show(reason)}`));
    const transport = watchTransport(createMemoryTransport(this.server.listener), {
      sending: (text) => this.#sending(decodeTextFrame(text) as ReceivedMessage),
      receiving: (text, deliver) => this.#receiving(decodeTextFrame(text) as ReceivedMessage, deliver),
      closing: (deliver, wasOpen) => {
        if (wasOpen) this.log.note("the connection ends");
        this.reference.endJoin();
        this.#deliver(undefined, deliver);
      },
      threw: (error) => this.#blame(11, show(error)),
    });
    this.socket = new Socket("ws://scenario/socket", {
      transport,
      reconnectAfterMs: () => 1,
      rejoinAfterMs: () => 1,
    });
  }

  get connection(): MusubiConnection<AnyRegistry> {
    if (this.#connection === undefined) throw new Error("there is no connection: begin with a step that connects");
    return this.#connection;
  }

  /** Opens the connection; resolves when it is ready. */
  connect(): Promise<unknown> {
    const { connection, ready } = this.#client.openConnectionState(this.socket, this.#options);
    this.#engine = connection;
    this.#connection = this.#client.createConnection<AnyRegistry>(connection);
    this.socket.connect();
    return ready;
  }

  /** The client's engine for a root, while it is mounted. */
  find(name: string): ReturnType<Engine["find"]> {
    const [module, id] = splitName(name);
    return this.#engine?.find({ module, id });
  }

  /** Mounts a root without waiting for it. */
  mount(name: string, params?: object): RootWatch {
    const [module, id] = splitName(name);
    // A root that was closed, or refused, is another one when it is mounted again.
    if (this.find(name) === undefined) this.reference.forget(name);
    const opened = this.connection.openRoot({ module, id, ...(params === undefined ? {} : { params }) });
    this.roots.get(name)?.stop();
    const root = new RootWatch(opened, this.reference.root(name), this.#client, () => this.find(name));
    this.roots.set(name, root);
    return root;
  }

  /** The root that a step speaks of. */
  root(name: string): RootWatch {
    const root = this.roots.get(name);
    if (root === undefined) throw new Error(`"${name}" was not mounted by an earlier step`);
    return root;
  }

  /** Lets all that is under way arrive. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => nextTurn(resolve, 0));
  }

  /** Waits until `check` finds nothing wrong; else fails with what it found last. */
  async until(check: () => string | undefined): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const wrong = check();
      if (wrong === undefined) return;
      if (performance.now() > deadline || this.#violations.length > 0) throw new Error(wrong);
      await new Promise((resolve) => nextTurn(resolve, 0));
    }
  }

  /** The first invariant that was seen broken, if any. */
  get firstViolation(): Violation | undefined {
    return this.#violations[0];
  }

  /** Throws the first invariant that does not hold. */
  checkInvariants(): void {
    const [first] = this.#violations;
    if (first !== undefined) throw first;
    for (const root of this.roots.values()) root.check();
  }

  /** Ends the client and checks that nothing is left. */
  async end(): Promise<void> {
    const unnamed = this.server.pushes.filter((push) => !push.isNamed);
    if (unnamed.length > 0) {
      const list = unnamed.map(({ event, payload }) => `${event} ${show(payload)}`).join(", ");
      throw new Violation(15, `no step speaks of ${list}`);
    }
    for (const root of this.roots.values()) root.stop();
    const engine = this.#engine;
    await this.#connection?.disconnect();
    await this.settle();
    this.checkInvariants();
    const waiting = this.commands.pending;
    if (waiting.length > 0) throw new Violation(13, `${waiting.join(", ")} did not end`);
    const left = [...this.roots.keys()].filter((name) => this.find(name) !== undefined);
    if (left.length > 0) throw new Violation(14, `the client still has ${left.join(", ")}`);
    if (this.clock.pending > 0) throw new Violation(14, `${this.clock.pending} timers are left`);
    if (engine !== undefined && engine.status.current !== "closed") {
      throw new Violation(14, `the connection is "${engine.status.current}"`);
    }
    const { channels, stateChangeCallbacks } = this.socket as unknown as SocketParts;
    if (channels.length > 0) throw new Violation(14, `the socket has channel "${channels[0]?.topic}"`);
    for (const [event, listeners] of Object.entries(stateChangeCallbacks)) {
      if (listeners.length > 0) throw new Violation(14, `the socket has ${listeners.length} listeners of "${event}"`);
    }
  }

  /** Gives back what a run took from the process, however it ended. */
  async dispose(): Promise<void> {
    this.#rejections.stop();
    for (const root of this.roots.values()) root.stop();
    await this.#connection?.disconnect();
    this.socket.disconnect();
  }

  #sending(message: ReceivedMessage): void {
    if (message.event === HEARTBEAT) return;
    this.log.sent(message);
    try {
      this.#rules.check(message);
    } catch (error) {
      this.#violations.push(error as Violation);
    }
    this.reference.send(message);
  }

  #receiving(message: ReceivedMessage, deliver: () => void): void {
    if (message.event !== PHX_REPLY || message.topic !== "phoenix") this.log.received(message);
    this.#rules.handleReply(message);
    this.#deliver(message, deliver);
  }

  #deliver(message: ReceivedMessage | undefined, deliver: () => void): void {
    for (const root of this.roots.values()) root.begin();
    const touched = message === undefined ? undefined : this.reference.receive(message);
    deliver();
    for (const [name, root] of this.roots) {
      try {
        root.end(touched?.get(this.reference.root(name)));
      } catch (error) {
        if (!(error instanceof Violation)) throw error;
        this.#violations.push(error);
      }
    }
  }

  #blame(invariant: Invariant, what: string): void {
    this.#violations.push(new Violation(invariant, what));
  }
}

/** What phoenix.js's socket keeps: channels, and listeners by event. */
interface SocketParts {
  readonly channels: readonly { readonly topic: string }[];
  readonly stateChangeCallbacks: Readonly<Record<string, readonly unknown[]>>;
}

/** Module and id of a root's name, `Module:id`; an id may have colons. */
export function splitName(name: string): readonly [module: string, id: string] {
  const colon = name.indexOf(":");
  if (colon < 1) throw new Error(`"${name}" names no root: write "Module:id"`);
  return [name.slice(0, colon), name.slice(colon + 1)];
}
