import type {
  AnyRegistry,
  CommandOptions,
  ConnectionStatus,
  MountState,
  StoreModule,
  StoreSnapshot,
} from "@musubi/client";
import { PHX_CLOSE, PHX_ERROR, PHX_JOIN } from "@musubi/protocol";
import type { Change } from "./change.js";
import { ClientScript, type StoreAt } from "./client-script.js";
import { show } from "./match.js";
import { ScenarioError } from "./scenario-error.js";
import { type AnswerTo, type EnvelopeMembers, type Fields, ServerScript } from "./server-script.js";
import { type ScenarioOptions, Stage } from "./stage.js";
import { ONLY_CLIENT, WireLog } from "./wire-log.js";

/** The name of a root: its module and its id. */
export type RootName<R> = `${StoreModule<R>}:${string}`;

/** The module in a root's name. */
export type ModuleOf<Name> = Name extends `${infer Module}:${string}` ? Module : never;

/** Some of a snapshot: what is left out may be anything. */
export type SnapshotPattern<Name, R> =
  string extends StoreModule<R> ? Readonly<Record<string, unknown>> : Some<StoreSnapshot<ModuleOf<Name>, R>>;

type Some<T> = T extends readonly unknown[] ? T : T extends object ? { readonly [K in keyof T]?: Some<T[K]> } : T;

/** What a server offers when it is joined (protocol.md section 2). */
export interface JoinOffer {
  readonly session?: { readonly id: string; readonly token: string; readonly idle_timeout_ms: number };
  readonly features?: readonly string[];
}

interface Actors {
  /** All clients that have come on so far, each with its end of the server. */
  readonly everybody: readonly Stage[];
  readonly stage: Stage;
  readonly client: ClientScript;
  readonly server: ServerScript;
}

interface Step {
  readonly client: string;
  readonly text: string;
  readonly run: (actors: Actors) => void | Promise<void>;
}

/**
 * A conversation between a client and a server, told step by step and then {@link Scenario.run}: the real client over
 * a real phoenix.js socket, and a server that says only what the steps say. Roots go by `Module:id`. After each step
 * everything under way is let arrive, and the invariants of `invariants.ts` are looked at.
 *
 * There is one client, until `as` brings on others by name, each with a connection of its own.
 *
 * Steps that expect something of the client wait for it, for 2 s at most; time itself only goes on with `advances`.
 */
export class Scenario<R = AnyRegistry> {
  readonly #name: string;
  readonly #options: ScenarioOptions;
  readonly #steps: Step[] = [];
  #client = ONLY_CLIENT;

  constructor(name: string, options: ScenarioOptions = {}) {
    this.#name = name;
    this.#options = options;
  }

  /** The steps that follow are those of this client, and of the server towards it; time goes on for all at once. */
  as(client: string): this {
    this.#client = client;
    return this;
  }

  /** The client connects, the server lets it in, and it is ready. */
  connects(offer: JoinOffer = {}): this {
    return this.#add(`connects${given(offer)}`, async ({ client, server }) => {
      client.connect();
      await server.answer(PHX_JOIN, "ok", offer);
      await client.ends("connect", "resolved", undefined);
    });
  }

  /** The client connects; the server has not answered yet. */
  asksToConnect(): this {
    return this.#add("asks to connect", ({ client }) => client.connect());
  }

  /** The client's connect was rejected with such an error. */
  connectFails(error: object): this {
    return this.#add(`connect fails with ${show(error)}`, ({ client }) => client.ends("connect", "rejected", error));
  }

  /** The client joins again, and the server lets it in; `payload` is what it joins with. */
  rejoins(offer: JoinOffer = {}, payload?: object): this {
    return this.#add(`rejoins${given(offer)}`, async ({ server }) => {
      if (payload !== undefined) await server.expectPush(PHX_JOIN, payload);
      await server.answer(PHX_JOIN, "ok", offer);
    });
  }

  /** The client leaves for good. */
  disconnects(): this {
    return this.#add("disconnects", async ({ stage }) => {
      await stage.connection.disconnect();
      await stage.settle();
      for (const push of stage.server.pushes) if (push.event === "phx_leave") push.isNamed = true;
    });
  }

  /** The connection is cut, and none is let in until it returns. */
  connectionDrops(): this {
    return this.#add("the connection drops", ({ stage }) => {
      stage.server.isAccepting = false;
      stage.server.cut();
    });
  }

  /** Connections are let in again: phoenix.js makes one and joins. */
  connectionReturns(): this {
    return this.#add("the connection returns", ({ stage }) => {
      stage.server.isAccepting = true;
    });
  }

  /** The connection stays open and carries nothing, either way, until it drops. */
  connectionHalfOpens(): this {
    return this.#add("the connection half-opens", ({ stage }) => stage.server.silence());
  }

  /** The server restarts: connections are cut, and let in again at once by one that knows nobody. */
  serverRestarts(): this {
    return this.#add("the server restarts", ({ stage }) => stage.server.cut());
  }

  /** The server's side of the channel crashes (`phx_error`); phoenix.js joins again. */
  channelCrashes(): this {
    return this.#add("the channel crashes", ({ stage }) => stage.server.endChannel(PHX_ERROR));
  }

  /** The server closes the channel unasked (`phx_close`). */
  channelCloses(): this {
    return this.#add("the channel closes", ({ stage }) => stage.server.endChannel(PHX_CLOSE));
  }

  /** The client mounts a root, the server accepts, and its first state shows. */
  mounts(root: RootName<R>, fields: Fields, ...changes: readonly Change[]): this {
    return this.#add(`mounts ${root} as ${show(fields)}${listed(changes)}`, async ({ client, server }) => {
      client.mount(root, undefined);
      await server.mount(root, fields, changes);
      await client.ends(`mount ${root}`, "resolved", undefined);
    });
  }

  /** The client mounts a root; the server has not answered yet. */
  asksToMount(root: RootName<R>, params?: object): this {
    return this.#add(`asks to mount ${root}${given(params)}`, ({ client }) => client.mount(root, params));
  }

  /** The server accepts the mount of a root and sends its first state. */
  serverMounts(root: RootName<R>, fields: Fields, ...changes: readonly Change[]): this {
    return this.#add(`server mounts ${root} as ${show(fields)}${listed(changes)}`, ({ server }) =>
      server.mount(root, fields, changes),
    );
  }

  /** The mount of a root was rejected with such an error. */
  mountFails(root: RootName<R>, error: object): this {
    return this.#add(`mount of ${root} fails with ${show(error)}`, ({ client }) =>
      client.ends(`mount ${root}`, "rejected", error),
    );
  }

  /** The client gives its hold on a root back; the unmount is sent after the grace of 50 ms. */
  unmounts(root: RootName<R>): this {
    return this.#add(`unmounts ${root}`, ({ client }) => client.release(root));
  }

  /** The client mounts a root with other params; its promise goes by `remount Module:id`. */
  remounts(root: RootName<R>, params: object): this {
    return this.#add(`remounts ${root} with ${show(params)}`, ({ client }) => client.remount(root, params));
  }

  /** The server answers a push ok: the oldest one of this event without an answer. */
  serverAccepts(event: string, response: object = {}, to: AnswerTo = {}): this {
    return this.serverAnswers(event, "ok", response, to);
  }

  /** The server answers a push with an error. */
  serverRefuses(event: string, response: object, to: AnswerTo = {}): this {
    return this.serverAnswers(event, "error", response, to);
  }

  /** The server answers a push with any status. */
  serverAnswers(event: string, status: string, response: unknown, to: AnswerTo = {}): this {
    const of = to.of === undefined ? "" : ` of ${to.of}`;
    return this.#add(`server answers ${event}${of}: ${status} ${show(response)}`, async ({ server }) => {
      await server.answer(event, status, response, to);
    });
  }

  /** The server sends the next envelope of a root. */
  serverSends(root: RootName<R>, ...changes: readonly Change[]): this {
    return this.#add(`server sends ${root}${listed(changes)}`, ({ server }) => server.send(root, changes));
  }

  /** The server sends an envelope that is as told, right or wrong. */
  serverSendsAs(root: RootName<R>, members: EnvelopeMembers, ...changes: readonly Change[]): this {
    return this.#add(`server sends ${root} as ${show(members)}${listed(changes)}`, ({ server }) =>
      server.send(root, changes, members),
    );
  }

  /** The server sends the next envelope, and it never arrives. */
  serverLoses(root: RootName<R>, ...changes: readonly Change[]): this {
    return this.#add(`server loses ${root}${listed(changes)}`, ({ server }) => server.lose(root, changes));
  }

  /** The last envelope of a root arrives once more. */
  serverRepeats(root: RootName<R>): this {
    return this.#add(`server repeats ${root}`, ({ server }) => server.repeat(root));
  }

  /** The server begins a root anew, 0 to 1: its first state, or a restart in place. */
  serverBegins(root: RootName<R>, fields: Fields, ...changes: readonly Change[]): this {
    return this.#add(`server begins ${root} as ${show(fields)}${listed(changes)}`, ({ server }) =>
      server.begin(root, fields, changes),
    );
  }

  /** The server ends a root (`root_down`). */
  serverEnds(root: RootName<R>, { reason, retry }: { readonly reason: string; readonly retry: boolean }): this {
    return this.#add(`server ends ${root}: ${reason}, retry ${retry}`, ({ server }) => server.end(root, reason, retry));
  }

  /** The server says that a command's effects are in the tree (`settled`). */
  serverSettles(root: RootName<R>, commandId: number): this {
    return this.#add(`server settles command ${commandId} of ${root}`, ({ server }) => server.settle(root, commandId));
  }

  /** The server sends any message on the connection channel. */
  serverPushes(event: string, payload: unknown): this {
    return this.#add(`server pushes ${event} ${show(payload)}`, ({ stage }) => stage.server.push(event, payload));
  }

  /** The server answers the oldest command of this name ok. */
  serverReplies(command: string, reply: object = {}): this {
    return this.#add(`server replies to ${command}: ${show(reply)}`, ({ server }) =>
      server.reply(command, "ok", reply),
    );
  }

  /** The server answers the oldest command of this name with an error. */
  serverRejects(command: string, reply: object): this {
    return this.#add(`server rejects ${command}: ${show(reply)}`, ({ server }) =>
      server.reply(command, "error", reply),
    );
  }

  /** The next push that no step has named is this one, with exactly this payload if one is given. */
  clientPushes(event: string, payload?: object): this {
    return this.#add(`client pushes ${event}${given(payload)}`, ({ server }) => server.expectPush(event, payload));
  }

  /** There is no push that no step has named. */
  clientPushesNothing(): this {
    return this.#add("client pushes nothing", ({ stage }) => {
      const push = stage.server.pushes.find(({ isNamed }) => !isNamed);
      if (push !== undefined) throw new Error(`the client pushed ${push.event} ${show(push.payload)}`);
    });
  }

  /** The client sends a command; its outcome goes by `as`, default the command's name. */
  dispatches(
    store: RootName<R> | StoreAt,
    name: string,
    payload?: unknown,
    { as = name, ...options }: { readonly as?: string } & CommandOptions = {},
  ): this {
    return this.#add(`dispatches ${name}${given(payload)} to ${show(store)}`, ({ client }) =>
      client.dispatch(store, name, payload, as, options),
    );
  }

  /** A command, or `remount Module:id`, resolved with such a value. */
  resolves(label: string, value?: unknown): this {
    return this.#add(`${label} resolves${given(value)}`, ({ client }) => client.ends(label, "resolved", value));
  }

  /** It was rejected with such an error. */
  rejects(label: string, error: object): this {
    return this.#add(`${label} is rejected with ${show(error)}`, ({ client }) => client.ends(label, "rejected", error));
  }

  /** It has no outcome yet. */
  pends(label: string): this {
    return this.#add(`${label} pends`, ({ client }) => client.pends(label));
  }

  /** The snapshot of a root has these members; `undefined`: there is none. */
  sees<Name extends RootName<R>>(root: Name, pattern: SnapshotPattern<Name, R> | undefined): this {
    return this.#add(`sees ${root} ${show(pattern)}`, ({ client }) => client.sees(root, pattern));
  }

  /** A root stands like this, with such an error if one is given. */
  rootIs(root: RootName<R>, status: MountState["status"], error?: object): this {
    return this.#add(`${root} is ${status}${given(error)}`, ({ client }) => client.rootIs(root, status, error));
  }

  /** The connection stands like this. */
  statusIs(status: ConnectionStatus): this {
    return this.#add(`status is ${status}`, ({ client }) => client.statusIs(status));
  }

  /** The listener of a store was called this often since a step last asked. */
  hears(store: RootName<R> | StoreAt, times: number): this {
    return this.#add(`hears ${show(store)} ${times} times`, ({ client }) => client.hears(store, times));
  }

  /** The client listens to an event of a store. */
  listensTo(store: RootName<R> | StoreAt, event: string): this {
    return this.#add(`listens to ${event} of ${show(store)}`, ({ client }) => client.listen(store, event));
  }

  /** Exactly these events came since a step last asked, by their payloads. */
  hearsEvents(store: RootName<R> | StoreAt, event: string, ...payloads: readonly unknown[]): this {
    return this.#add(`hears ${event} of ${show(store)}: ${show(payloads)}`, ({ client }) =>
      client.hearsEvents(store, event, payloads),
    );
  }

  /** The clock goes on, and what falls due happens. */
  advances(byMs: number): this {
    return this.#add(`${byMs} ms pass`, ({ everybody }) => {
      for (const { clock } of everybody) clock.advance(byMs);
    });
  }

  /** Anything else, in words and in code: looks at the stage, or breaks something on it. */
  does(what: string, run: (stage: Stage) => void | Promise<void>): this {
    return this.#add(what, ({ stage }) => run(stage));
  }

  /** Runs the steps, with a stage for each client. Rejects with a {@link ScenarioError}; leaves nothing behind. */
  async run(): Promise<void> {
    const log = new WireLog();
    const everybody: Stage[] = [];
    const cast = new Map<string, Actors>();
    const actorsOf = (name: string): Actors => {
      const known = cast.get(name);
      if (known !== undefined) return known;
      const stage = new Stage(this.#options, log.of(name));
      stage.clock.advance((everybody[0] ?? stage).clock.now() - stage.clock.now());
      everybody.push(stage);
      const actors = { everybody, stage, client: new ClientScript(stage), server: new ServerScript(stage) };
      cast.set(name, actors);
      return actors;
    };
    let step = 0;
    try {
      for (const { client, run } of this.#steps) {
        log.beginStep(++step);
        const actors = actorsOf(client);
        await run(actors);
        await actors.stage.settle();
        for (const stage of everybody) stage.checkInvariants();
      }
      log.beginStep(++step);
      for (const stage of everybody) await stage.end();
    } catch (error) {
      const cause = everybody.find(({ firstViolation }) => firstViolation)?.firstViolation ?? error;
      const steps = this.#steps.map(({ text }) => text);
      throw new ScenarioError({ name: this.#name, steps, step, wire: log.toString(), cause });
    } finally {
      for (const stage of everybody) await stage.dispose();
    }
  }

  #add(text: string, run: Step["run"]): this {
    const client = this.#client;
    this.#steps.push({ client, text: client === ONLY_CLIENT ? text : `${client}: ${text}`, run });
    return this;
  }
}

/** Begins a scenario. `R` is the registry of the app's stores: with one, roots and snapshots are checked by type. */
export function scenario<R = AnyRegistry>(name: string, options?: ScenarioOptions): Scenario<R> {
  return new Scenario<R>(name, options);
}

function given(value: unknown): string {
  return value === undefined || show(value) === "{}" ? "" : ` ${show(value)}`;
}

function listed(changes: readonly Change[]): string {
  return changes.length === 0 ? "" : `: ${changes.map((entry) => show(entry)).join(", ")}`;
}
