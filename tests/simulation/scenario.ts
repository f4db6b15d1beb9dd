import { SeededRandom } from "@musubi/testing";
import type { Action, Reaction } from "./actions.js";
import type { Hold } from "./application.js";
import { covered, type Kind } from "./coverage.js";
import { Divergence } from "./divergence.js";
import { dispatch } from "./dispatch.js";
import { PLANNED_ERROR } from "./planned-error.js";
import { play, type ScenarioResult, type Script } from "./play.js";
import { loaded } from "./warm-up.js";
import type { WatchedListener } from "./watched-listener.js";
import { World } from "./world.js";

/** Longest that client and server may take to agree once nothing goes wrong any more, in virtual milliseconds. */
const AGREE_WITHIN_MS = 240_000;

/** Runs a scenario of a client and a model server. */
export function runScenario(seed: number, actions: readonly Action[]): Promise<ScenarioResult<Kind>> {
  return play(() => {
    const world = new World(seed);
    return { world, script: new Scenario(world) };
  }, actions);
}

class Scenario implements Script<Action> {
  readonly #world: World;
  readonly #listeners: { readonly hold: Hold; readonly listener: WatchedListener }[] = [];
  /** How often each listener did what it does when it is called. */
  readonly #reactions = new Map<WatchedListener, number>();

  constructor(world: World) {
    this.#world = world;
  }

  async act(action: Action): Promise<void> {
    const world = this.#world;
    const pair = (index: number): string => pick(world.pairs, index) as string;
    switch (action.do) {
      case "wait":
        return world.pass(action.ms);
      case "fault":
        world.coverage.note(covered(action.fault.kind));
        return world.network.inject(action.fault);
      case "connect":
        world.connect(action.holder, action.usesAtOnce);
        return world.style.topology === "shared" ? undefined : loaded();
      case "disconnect":
        return world.disconnect(action.holder);
      case "mount":
        return world.mount(
          action.holder,
          pair(action.pair),
          action.label,
          action.how,
          world.cache.options(action.buster),
        );
      case "hand_over": {
        const hold = pick(world.holds, action.hold);
        if (hold !== undefined) world.handOver(hold);
        return;
      }
      case "mount_with":
        return world.mountWith(action.holder, action.state, action.how, action.isKept);
      case "unmount": {
        const hold = pick(world.holds, action.hold);
        if (hold !== undefined) world.unmount(hold);
        return;
      }
      case "remount": {
        const hold = pick(world.holds, action.hold);
        if (hold !== undefined) world.remount(hold, action.label);
        return;
      }
      case "command":
        return this.#command(action, pick(world.holds, action.hold));
      case "abort":
        pick(world.commands, action.command)?.abort.abort();
        return;
      case "listen": {
        const hold = pick(world.holds, action.hold);
        if (hold === undefined || hold.watch.root.isClosed) return;
        return this.#listen(hold, action.store, action.isThere, action.react);
      }
      case "unlisten": {
        const found = pick(this.#listeners, action.listener);
        if (found === undefined) return;
        this.#listeners.splice(this.#listeners.indexOf(found), 1);
        found.hold.watch.unlisten(found.listener);
        return;
      }
      case "upload":
      case "upload_act": {
        const hold = pick(world.holds, action.hold);
        const slot = hold === undefined ? undefined : await world.uploads.load(hold.watch);
        if (slot === undefined) return;
        if (action.do === "upload") world.uploads.select(slot, action.sizes, action.mood, action.start);
        else world.uploads.act(slot, action.act, action.index);
        return;
      }
      case "upload_trouble":
        return world.server.uploads.trouble(action.kind, action.index);
      case "read":
        return this.#read(pick(world.holds, action.hold), action.depth);
      case "change": {
        const random = new SeededRandom(action.seed);
        for (let index = 0; index < action.times; index++)
          world.server.roots.change(this.#mounted(action.pair), random);
        return;
      }
      case "trouble":
        return world.server.roots.trouble(this.#mounted(action.pair), action.kind);
      case "persister":
        world.cache.mood = action.mood;
        return;
      case "clear_cache":
        return world.clearCache(action.pair === undefined ? undefined : pair(action.pair));
      case "mood":
        world.server.mounts.moods.push({
          mood: action.mood,
          pair: action.pair === undefined ? undefined : world.pairs[action.pair],
        });
        return;
      case "join":
        world.server.joinMoods.push(action.mood);
        if (action.crashes) world.server.crash();
        return;
      case "socket":
        world.coverage.note(action.open ? "socket opened by the app" : "socket closed by the app");
        if (action.open) world.socket.connect();
        else world.socket.disconnect();
        return;
      case "settle":
        return this.settle();
    }
  }

  /** Mostly one of the pairs that somebody looks at. */
  #mounted(index: number): string {
    const { server, pairs } = this.#world;
    const from = index % 6 === 0 ? pairs : server.mounted().map(({ pair }) => pair);
    return from[index % from.length] ?? (pairs[index % pairs.length] as string);
  }

  async settle(): Promise<void> {
    const world = this.#world;
    world.network.heal();
    world.server.calm();
    world.cache.mood = "at_once";
    world.socket.connect();
    const deadline = world.time.now + AGREE_WITHIN_MS;
    await world.pass(100);
    while (!this.#isQuiet()) {
      if (world.time.now > deadline) throw new Divergence("both sides agree in the end", this.#describe());
      await world.pass(500);
    }
    await world.pass(500);
    this.#compare();
    // A server's next change reaches everything that is live.
    for (const pair of world.pairs) world.server.roots.change(pair);
    await world.pass(500);
    this.#compare();
    world.coverage.note("settled world");
  }

  async end(): Promise<void> {
    const world = this.#world;
    const { connections } = world;
    const leavesAtOnce = world.random.chance(0.5);
    if (!leavesAtOnce) {
      for (const hold of Array.from(world.holds)) world.unmount(hold);
      await world.pass(20_000);
      const left = world.server.mounted();
      if (left.length > 0)
        throw new Divergence("what nobody holds is unmounted", left.map(({ pair }) => pair).join(", "));
    }
    world.disconnectAll();
    await world.pass(0);
    if (world.clientClock.pending !== 0)
      throw new Divergence("no timer is left", `${world.clientClock.pending} of the client's are`);
    for (const pair of world.pairs) {
      const [module, id] = pair.split("/") as [string, string];
      for (const connection of connections)
        if (connection.find({ module, id }) !== undefined) throw new Divergence("no root is left", pair);
    }
    if (world.watches.size > 0) throw new Divergence("roots that nobody holds close", `${world.watches.size} are open`);
    if (world.pendingMounts > 0) throw new Divergence("every promise settles", `${world.pendingMounts} mounts did not`);
    if (world.unsettled > 0)
      throw new Divergence("every promise settles", `${world.unsettled} of cached roots did not`);
    if (world.uploads.pending > 0) throw new Divergence("every promise settles", "one of a slot did not");
    this.#checkCommands();
    await world.pass(1_000);
    if (world.server.mounted().length > 0) throw new Divergence("a client that left holds nothing", "roots are left");
    world.socket.disconnect();
    await world.pass(40_000);
    if (world.clientClock.pending !== 0) throw new Divergence("no timer is left", "one came after the end");
    if (world.socketClock.pending !== 0) throw new Divergence("no timer is left", "one of the socket's is");
  }

  #command(action: Extract<Action, { do: "command" }>, hold: Hold | undefined): void {
    if (hold === undefined) return;
    const { mood, ms, timeoutMs, whenOffline, update } = action;
    for (let index = 0; index < action.times; index++) {
      const abort = new AbortController();
      if (action.abort === "before") abort.abort();
      const store = action.store + index;
      dispatch(this.#world, hold, { payload: { mood, ms }, store, timeoutMs, whenOffline, update }, abort);
      if (action.abort === "later") void Promise.resolve().then(() => abort.abort());
    }
  }

  #listen(hold: Hold, store: number, isThere: boolean, react: Reaction): void {
    const { watch } = hold;
    const there = pick(watch.storeIds(), store) ?? [];
    if (!isThere) this.#world.coverage.note("listener of an absent store");
    const storeId = isThere ? there : [...there, `s${store % 7}`];
    const listener = watch.listen(storeId, (self) => this.#react(hold, self, store, react));
    this.#listeners.push({ hold, listener });
  }

  /** What an application does in the middle of a notification. */
  #react(hold: Hold, self: WatchedListener, number: number, react: Reaction): void {
    const { coverage } = this.#world;
    coverage.note("listener called");
    const times = (this.#reactions.get(self) ?? 0) + 1;
    this.#reactions.set(self, times);
    if (times > 3) return;
    switch (react) {
      case "none":
        return;
      case "add":
        coverage.note("listener added in a notification");
        return this.#listen(hold, number + times, true, "none");
      case "remove": {
        const index = number % this.#listeners.length;
        const [found] = this.#listeners.splice(index, 1);
        if (found === undefined) return;
        coverage.note("listener removed in a notification");
        return found.hold.watch.unlisten(found.listener);
      }
      case "throw":
        throw PLANNED_ERROR;
      case "command": {
        coverage.note("command sent in a notification");
        const payload = { mood: "ok", ms: 0 };
        const command = { payload, store: number, timeoutMs: 10_000, whenOffline: "queue", update: "count" } as const;
        dispatch(this.#world, hold, command, new AbortController());
        return;
      }
      case "unmount":
        if (!this.#world.holds.includes(hold)) return;
        coverage.note("root given back in a notification");
        return this.#world.unmount(hold);
    }
  }

  /** Walks down the proxies, which makes records of the stores on the way. */
  #read(hold: Hold | undefined, depth: number): void {
    let proxy = hold?.view?.store as unknown as Record<string, unknown> | undefined;
    for (let level = 0; level < depth && proxy !== undefined; level++) {
      void JSON.stringify(proxy);
      const box = proxy["box"] as { inner?: Record<string, unknown> } | undefined;
      const items = proxy["items"] as Record<string, unknown>[] | undefined;
      proxy = items?.[0] ?? box?.inner ?? undefined;
    }
  }

  #isQuiet(): boolean {
    const { server, network, connections, holds, pendingMounts, uploads } = this.#world;
    if (!server.isIdle || network.inFlight > 0 || pendingMounts > 0 || uploads.pending > 0) return false;
    if (holds.length === 0) return true;
    const held = connections.filter(({ status }) => status.current !== "closed");
    if (held.some(({ status }) => status.current !== "ready")) return false;
    return holds.every(({ watch }) => ["live", "failed", "closed"].includes(watch.root.state.current.status));
  }

  #compare(): void {
    const { holds, server } = this.#world;
    this.#world.look();
    const mounted = server.mounted();
    const live = new Set<unknown>();
    for (const { watch, pair } of holds) {
      const { status, error } = watch.root.state.current;
      if (status !== "live") {
        // A first mount that fails is told, and not tried again.
        const hasNothing = !watch.hasState || watch.isSeed;
        const wasRefused = (status === "closed" || status === "failed") && hasNothing && error !== undefined;
        if (!server.roots.excused.has(pair) && !this.#isExcused(error) && !wasRefused)
          throw new Divergence("no root is given up without a reason", `${pair} is ${status}: ${error?.message}`);
        continue;
      }
      const run = watch.run;
      if (run === undefined || !mounted.includes(run))
        throw new Divergence("both sides agree in the end", `${pair} is live at the client only`);
      live.add(run);
      this.#world.uploads.compare(watch);
      const label = (run.params as { label: number }).label;
      if (label !== watch.label)
        throw new Divergence("a root has the params asked for last", `${pair}: ${label}, not ${watch.label}`);
      if (run.version !== watch.version)
        throw new Divergence(
          "both sides agree in the end",
          `${pair}: ${watch.version} for the server's ${run.version}`,
        );
    }
    for (const run of mounted) {
      if (!live.has(run)) throw new Divergence("the server holds what the client holds", `${run.pair} is left over`);
    }
  }

  /** Whether what a root was given up for is what this server does. */
  #isExcused(error: { readonly code: string } | undefined): boolean {
    const { server, style } = this.#world;
    return (
      (error?.code === "inconsistent" && server.mounts.hasPhantoms) ||
      (error?.code === "root_id_taken" && style.names === "id")
    );
  }

  #checkCommands(): void {
    const { commands, server } = this.#world;
    for (const { token, outcomes } of commands) {
      const effects = server.commands.effects.get(token) ?? 0;
      const [outcome] = outcomes;
      if (outcomes.length !== 1) throw new Divergence("a command has one outcome", `${token} has ${outcomes.length}`);
      const isTrue = outcome === "resolved" ? effects === 1 : outcome === "unknown" ? effects <= 1 : effects === 0;
      if (!isTrue)
        throw new Divergence("a command's outcome is true", `${token} is ${outcome}, with ${effects} effects`);
    }
  }

  #describe(): string {
    const { holds, connections, server, network, pendingMounts, uploads } = this.#world;
    const roots = holds.map(({ watch, pair }) => `${pair} ${watch.root.state.current.status}`).join(", ");
    return `${roots}; connections ${connections.map(({ status }) => status.current).join(", ")}; server idle ${server.isIdle}; in flight ${network.inFlight}; mounts ${pendingMounts}; uploads ${uploads.pending}`;
  }
}

function pick<T>(from: readonly T[], index: number): T | undefined {
  return from[index % Math.max(1, from.length)];
}
