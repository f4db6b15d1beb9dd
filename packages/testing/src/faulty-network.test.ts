import { describe, expect, test } from "vitest";
import { createFaultPlan, type Fault } from "./fault-plan.js";
import { FakeClock } from "./fake-clock.js";
import { FaultyNetwork } from "./faulty-network.js";

/** A client and a server that keep what they get, with a network between them. */
function setUp(latencyMs = 0) {
  const clock = new FakeClock();
  const network = new FaultyNetwork({ clock, latencyMs: () => latencyMs });
  const asked: string[] = [];
  const target = { crash: () => asked.push("crash"), closeChannel: () => asked.push("close") };
  const connections: ReturnType<typeof connect>[] = [];
  const listener = network.wrap(
    {
      connect: (_url, peer) => {
        const server = { peer, got: [] as string[], closed: [] as number[] };
        servers.push(server);
        return { message: (text) => server.got.push(text), close: (code) => server.closed.push(code) };
      },
    },
    target,
  );
  const servers: { peer: { send(text: string): void; close(code: number): void }; got: string[]; closed: number[] }[] =
    [];
  const connect = () => {
    const client = { got: [] as string[], closed: [] as number[] };
    const up = listener.connect("ws://x", {
      send: (text) => client.got.push(text),
      close: (code) => client.closed.push(code),
    });
    return { ...client, up, server: up === undefined ? undefined : servers.at(-1) };
  };
  connections.push(connect());
  return { clock, network, asked, connect, connection: connections[0] as ReturnType<typeof connect> };
}

const envelope = (base: number): string =>
  JSON.stringify(["1", null, "musubi:connection", "patch", { base_version: base, version: base + 1 }]);

describe("FaultyNetwork", () => {
  test("frames arrive in order after the latency, both ways", () => {
    const { clock, network, connection } = setUp(10);
    for (const frame of ["a", "b"]) connection.up?.message(frame);
    connection.server?.peer.send(envelope(1));
    expect(network.inFlight).toBe(3);
    clock.advance(9);
    expect(connection.server?.got).toEqual([]);
    clock.advance(1);
    expect(connection.server?.got).toEqual(["a", "b"]);
    expect(connection.got).toEqual([envelope(1)]);
    expect(clock.pending).toBe(0);
  });

  test("cut: what was on its way is lost, both ends see 1006", () => {
    const { clock, network, connection } = setUp(10);
    connection.up?.message("a");
    network.inject({ kind: "cut" });
    clock.advance(100);
    expect(connection.server).toMatchObject({ got: [], closed: [1006] });
    expect(connection.closed).toEqual([1006]);
    expect(clock.pending).toBe(0);
  });

  test("delay: that way is held, then arrives in order; the other way goes on", () => {
    const { clock, network, connection } = setUp();
    network.inject({ kind: "delay", way: "up", ms: 500 });
    for (const frame of ["a", "b"]) connection.up?.message(frame);
    connection.server?.peer.send(envelope(1));
    clock.advance(499);
    expect(connection.server?.got).toEqual([]);
    expect(connection.got).toHaveLength(1);
    clock.advance(1);
    expect(connection.server?.got).toEqual(["a", "b"]);
  });

  test.each([0, 1, 2])("duplicate: the next envelope comes twice, %i frames later, an initial one never", (after) => {
    const { clock, network, connection } = setUp();
    network.inject({ kind: "duplicate", after });
    for (const base of [0, 5, 6, 7, 8]) connection.server?.peer.send(envelope(base));
    clock.advance(0);
    const bases = [0, 5, 6, 7, 8];
    bases.splice(2 + after, 0, 5);
    expect(connection.got).toEqual(bases.map(envelope));
  });

  test("duplicate: it does not outlive the life of a root", () => {
    const { clock, network, connection } = setUp();
    network.inject({ kind: "duplicate", after: 3 });
    for (const base of [5, 0, 1]) connection.server?.peer.send(envelope(base));
    clock.advance(0);
    expect(connection.got).toEqual([5, 5, 0, 1].map(envelope));
  });

  test("drop: the next envelope is lost alone, an initial one never; healing forgets it", () => {
    const { clock, network, connection } = setUp();
    network.inject({ kind: "drop" });
    for (const base of [0, 5, 6]) connection.server?.peer.send(envelope(base));
    network.inject({ kind: "drop" });
    network.heal();
    connection.server?.peer.send(envelope(7));
    clock.advance(0);
    expect(connection.got).toEqual([0, 6, 7].map(envelope));
  });

  test("half-open: nothing passes, nobody is told, until the network heals", () => {
    const { clock, network, connection } = setUp();
    network.inject({ kind: "half_open" });
    connection.up?.message("a");
    connection.server?.peer.send(envelope(1));
    connection.up?.close(1000);
    clock.advance(1_000);
    expect(connection.server).toMatchObject({ got: [], closed: [] });
    expect(connection).toMatchObject({ got: [], closed: [] });
    network.heal();
    expect(connection.server?.closed).toEqual([1006]);
  });

  test.each<Fault>([
    { kind: "refuse", ms: 100 },
    { kind: "restart", ms: 100 },
  ])("$kind: nobody connects for a while; only a restart ends what is open", (fault) => {
    const { clock, network, connection, connect } = setUp();
    network.inject(fault);
    expect(connection.closed).toEqual(fault.kind === "restart" ? [1006] : []);
    expect(connect().up).toBeUndefined();
    clock.advance(100);
    expect(connect().up).toBeDefined();
  });

  test("crash and close go to the server", () => {
    const { network, asked } = setUp();
    network.inject({ kind: "crash" });
    network.inject({ kind: "close" });
    expect(asked).toEqual(["crash", "close"]);
  });

  test("a plan is played in its time, noted, and called off by heal", () => {
    const { clock, network } = setUp();
    const plan = createFaultPlan({ seed: 5, count: 10, overMs: 1_000 });
    network.play(plan);
    const start = clock.now();
    const half = plan.filter(({ atMs }) => atMs <= 500);
    clock.advance(500);
    expect(network.injected).toEqual(half.map(({ atMs, fault }) => ({ atMs: start + atMs, fault })));
    network.heal();
    clock.advance(5_000);
    expect(network.injected).toHaveLength(half.length);
    expect(clock.pending).toBe(0);
  });

  test("a plan can be called off alone", () => {
    const { clock, network } = setUp();
    const callOff = network.play(createFaultPlan({ seed: 5 }));
    callOff();
    expect(clock.pending).toBe(0);
  });
});
