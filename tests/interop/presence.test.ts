import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  channel,
  createEndpoint,
  createPresence,
  createPubSub,
  type Endpoint,
  error,
  joined,
  ok,
  type PubSub,
  type Presence as ServerPresence,
} from "@musubi/server";
import { FakeClock, SeededRandom } from "@musubi/testing";
import { type Channel, Presence, Socket } from "phoenix";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { silentLogger } from "./support/echo-server.js";

/** phoenix.js's own `Presence`, unchanged, over real sockets of two nodes that share a PubSub. */

const undos: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const undo of undos.splice(0).toReversed()) await undo();
});

interface Node {
  readonly endpoint: Endpoint;
  readonly presence: ServerPresence;
  readonly url: string;
  /** As if its process had died: what it says is not heard any more. */
  isCut: boolean;
}

async function startNode(shared: PubSub, clock: FakeClock, joinTakes: () => number): Promise<Node> {
  const wire = { isCut: false };
  const pubsub: PubSub = {
    // As an adapter would: what JSON can carry.
    publish: (topic, message) => (wire.isCut ? undefined : shared.publish(topic, JSON.parse(JSON.stringify(message)))),
    subscribe: (topic, listener) => shared.subscribe(topic, (message) => (wire.isCut ? undefined : listener(message))),
  };
  const presence = createPresence({ pubsub, clock });
  const room = channel("room:*", {
    async join(ctx, payload) {
      const { name, device } = payload as { name: string; device: string };
      const turns = joinTakes();
      const isEarly = turns % 2 === 0;
      if (isEarly) presence.watch(ctx);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      presence.track(ctx, name, { device });
      if (!isEarly) presence.watch(ctx);
      return joined(null);
    },
    handlers: {
      track: (ctx, payload) => {
        const { key, n } = payload as { key: string; n: number };
        presence.track(ctx, key, { n });
        return ok();
      },
      update: (ctx, payload) => {
        const { key, n } = payload as { key: string; n: number };
        presence.update(ctx, key, (meta) => ({ ...meta, n }));
        return ok();
      },
      untrack: (ctx, payload) => {
        presence.untrack(ctx, (payload as { key: string }).key);
        return ok();
      },
      list: (ctx) => ok(presence.list(ctx.topic)),
    },
    fallback: () => error({}),
  });
  const endpoint = createEndpoint({
    channels: [room],
    pubsub,
    logger: silentLogger,
    connect: ({ params }) => ({ id: `client:${params["client"]}` }),
  });
  const http: Server = createServer();
  endpoint.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  undos.push(async () => {
    await endpoint.close();
    presence.close();
    await new Promise((resolve) => http.close(resolve));
  });
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/socket`;
  return Object.assign(wire, { endpoint, presence, url });
}

type Metas = { readonly metas: readonly Record<string, unknown>[] };

/** Metas by key, in an order of their own, as what of them is the app's. */
function contents(presences: Record<string, Metas>): Record<string, string[]> {
  const refless = ({ phx_ref: _ref, phx_ref_prev: _former, ...meta }: Record<string, unknown>): string =>
    JSON.stringify(Object.entries(meta).sort(([a], [b]) => (a < b ? -1 : 1)));
  return Object.fromEntries(Object.entries(presences).map(([key, { metas }]) => [key, metas.map(refless).sort()]));
}

/** A phoenix.js client on `room:a`, and what its `Presence` reports. */
class Client {
  readonly id: string;
  readonly socket: Socket;
  readonly channel: Channel;
  readonly presence: Presence;
  /** In order: `sync`, `+key`, `-key`, and `join` for the answer. */
  readonly events: string[] = [];
  /** Refs told as joined and not as left; and those told twice. */
  readonly refs = new Set<string>();
  readonly wrong: string[] = [];

  constructor(node: Node, id: string, name: string) {
    this.id = id;
    this.socket = new Socket(node.url, {
      transport: WebSocket,
      params: { client: id },
      reconnectAfterMs: () => 5,
      rejoinAfterMs: () => 5,
    });
    this.channel = this.socket.channel("room:a", { name, device: id });
    this.presence = new Presence(this.channel);
    this.presence.onSync(() => void this.events.push("sync"));
    this.presence.onJoin((key, _current, { metas }: Metas) => {
      this.events.push(`+${key}`);
      for (const { phx_ref } of metas) {
        if (this.refs.has(String(phx_ref))) this.wrong.push(`+${key} ${String(phx_ref)}`);
        this.refs.add(String(phx_ref));
      }
    });
    this.presence.onLeave((key, _current, { metas }: Metas) => {
      this.events.push(`-${key}`);
      for (const { phx_ref } of metas) if (!this.refs.delete(String(phx_ref))) this.wrong.push(`-${key}`);
    });
    this.socket.connect();
    this.channel.join().receive("ok", () => void this.events.push("join"));
    undos.push(() => this.end());
  }

  get state(): Record<string, Metas> {
    return (this.presence as unknown as { state: Record<string, Metas> }).state;
  }

  push(event: string, payload: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.channel.push(event, payload).receive("ok", resolve).receive("error", reject).receive("timeout", reject);
    });
  }

  end(): Promise<void> {
    return new Promise((resolve) => this.socket.disconnect(resolve));
  }
}

async function startNodes(joinTakes = () => 0): Promise<[FakeClock, Node, Node]> {
  const [clock, shared] = [new FakeClock(), createPubSub(silentLogger)];
  return [clock, await startNode(shared, clock, joinTakes), await startNode(shared, clock, joinTakes)];
}

test("joins, leaves, several metas, updates and a reconnect, as phoenix.js reports them", async () => {
  const [, node] = await startNodes(() => 1);
  const ada = new Client(node, "1", "ada");
  // The state comes after the answer, and syncs once.
  await expect.poll(() => ada.events).toEqual(["join", "+ada", "sync"]);
  ada.events.length = 0;
  const phone = new Client(node, "2", "bob");
  await expect.poll(() => ada.events).toEqual(["+bob", "sync"]);
  const laptop = new Client(node, "3", "bob");
  await expect.poll(() => contents(ada.state)["bob"]).toEqual(['[["device","2"]]', '[["device","3"]]']);
  ada.events.length = 0;
  await laptop.push("update", { key: "bob", n: 1 });
  // phoenix.js tells an update as a join and a leave, and syncs once.
  await expect.poll(() => ada.events).toEqual(["+bob", "-bob", "sync"]);
  expect(contents(ada.state)["bob"]).toEqual(['[["device","2"]]', '[["device","3"],["n",1]]']);
  expect(ada.presence.list((key, { metas }: Metas) => `${key} ${metas.length}`)).toEqual(["ada 1", "bob 2"]);
  ada.events.length = 0;
  await phone.end();
  await expect.poll(() => ada.events).toEqual(["-bob", "sync"]);
  await new Promise((resolve) => laptop.channel.leave().receive("ok", resolve));
  await expect.poll(() => Object.keys(ada.state)).toEqual(["ada"]);

  ada.events.length = 0;
  node.endpoint.disconnect("client:1");
  // Its old meta has left and a new one joined: the state of the new join says both.
  await expect.poll(() => ada.events).toEqual(["join", "+ada", "-ada", "sync"]);
  expect(contents(ada.state)).toEqual({ ada: ['[["device","1"]]'] });
  expect([ada, phone, laptop].flatMap(({ wrong }) => wrong)).toEqual([]);
});

test("random comings and goings on two nodes: every phoenix.js client has what the model says", async () => {
  for (const seed of [1, 2, 3]) {
    const random = new SeededRandom(seed);
    const [, ...nodes] = await startNodes(() => random.integer(0, 4));
    const keys = ["ada", "bob", "__proto__", "constructor"];
    /** What each live client tracks: its own meta by the device, others by their number. */
    const model = new Map<Client, Map<string, Record<string, unknown>>>();
    const gone: Client[] = [];
    let last = 0;
    for (let step = 0; step < 60; step++) {
      const clients = [...model.keys()];
      const dice = random.next();
      if (clients.length < 2 || (dice < 0.2 && clients.length < 6)) {
        const [name, id] = [random.pick(keys), `${seed}.${step}`];
        model.set(new Client(random.pick(nodes), id, name), new Map([[name, { device: id }]]));
        continue;
      }
      const client = random.pick(clients);
      const tracked = model.get(client) as Map<string, Record<string, unknown>>;
      const [[name, own]] = tracked as unknown as [[string, Record<string, unknown>]];
      const key = random.pick(keys);
      if (dice < 0.3) {
        model.delete(client);
        gone.push(client);
        if (random.chance(0.5)) void client.end();
        else client.channel.leave();
      } else if (dice < 0.4) {
        // It comes back by itself, with what its join tracks and no more.
        await client.push("list", {});
        for (const node of nodes) node.endpoint.disconnect(`client:${client.id}`);
        model.set(client, new Map([[name, { device: own["device"] }]]));
        await expect.poll(() => client.events.filter((event) => event === "join").length).toBeGreaterThan(1);
        client.events.splice(0, client.events.length, "join");
      } else if (!tracked.has(key)) {
        await client.push("track", { key, n: ++last });
        tracked.set(key, { n: last });
      } else if (key === name || random.chance(0.5)) {
        await client.push("update", { key, n: ++last });
        tracked.set(key, { ...tracked.get(key), n: last });
      } else {
        await client.push("untrack", { key });
        tracked.delete(key);
      }
      if (!random.chance(0.2)) continue;
      const entries = [...model.values()].flatMap((each) => [...each]);
      const expected = contents(
        Object.fromEntries(
          keys
            .map((each) => [each, { metas: entries.filter(([at]) => at === each).map(([, meta]) => meta) }] as const)
            .filter(([, { metas }]) => metas.length > 0),
        ),
      );
      for (const [at] of model) {
        await expect
          .poll(() => contents(at.state), { message: `seed ${seed}, step ${step}, client ${at.id}` })
          .toEqual(expected);
        // What the callbacks said adds up to the same.
        expect(at.refs.size, `seed ${seed}, step ${step}, client ${at.id}`).toBe(entries.length);
      }
      for (const { presence } of nodes) {
        expect(contents(presence.list("room:a") as Record<string, Metas>), `seed ${seed}, step ${step}`).toEqual(
          expected,
        );
      }
    }
    expect(
      [...model.keys(), ...gone].flatMap(({ wrong }) => wrong),
      `seed ${seed}`,
    ).toEqual([]);
    for (const undo of undos.splice(0).toReversed()) await undo();
    for (const { presence } of nodes) expect(presence.list("room:a"), `seed ${seed}`).toEqual({});
  }
});

test("the entries of a node that dies leave the clients of the other within 30 s", async () => {
  const [clock, living, dying] = await startNodes();
  const ada = new Client(living, "1", "ada");
  const bob = new Client(dying, "2", "bob");
  await expect
    .poll(() => [ada, bob].map(({ state }) => Object.keys(state).sort()))
    .toEqual([
      ["ada", "bob"],
      ["ada", "bob"],
    ]);
  dying.isCut = true;
  await bob.end();
  clock.advance(10_000);
  await ada.push("list", {});
  expect(Object.keys(ada.state).sort()).toEqual(["ada", "bob"]);
  clock.advance(20_000);
  await ada.push("list", {});
  expect(Object.keys(ada.state)).toEqual(["ada"]);
});
