// @vitest-environment jsdom
import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { connect } from "../index.js";
import { createSocket, type SocketExtras } from "../socket.js";
import { LineServer } from "./line-server.test.util.js";
import { SleepyClock } from "./sleepy-clock.test.util.js";

let server: LineServer;
let clock: SleepyClock;
let socket: Socket & SocketExtras;
let visibility: DocumentVisibilityState;
const logger = { warn: vi.fn(), error: vi.fn() };

const turn = () => new Promise((resolve) => setTimeout(resolve, 3));
const isOpen = () => eventually(() => socket.statusDetail.current.transport === "open", "open");
const isWaiting = () => eventually(() => socket.statusDetail.current.transport === "waiting", "waiting");
const heartbeats = () => server.count("heartbeat");
const fire = (event: string) => window.dispatchEvent(new Event(event));
const show = (state: DocumentVisibilityState) => {
  visibility = state;
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
};

beforeEach(async () => {
  visibility = "visible";
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => visibility });
  server = new LineServer();
  clock = new SleepyClock();
  socket = createSocket(Socket, "ws://line/socket", {
    transport: server.transport,
    clock,
    logger,
    random: () => 0.5,
  });
  socket.connect();
  await isOpen();
});

afterEach(() => {
  socket.disconnect();
  expect(clock.pending).toBe(0);
  expect(logger.error).not.toHaveBeenCalled();
});

describe("createSocket in a page", () => {
  test.each([
    ["online", () => fire("online")],
    ["pageshow", () => window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))],
    ["visibilitychange to visible", () => show("visible")],
  ])("%s: a probe, and a new connection when nothing answers in 3 s", async (_name, happens) => {
    happens();
    await eventually(() => heartbeats() === 1);
    await turn();
    clock.advance(3_000);
    await turn();
    expect(server.urls.length).toBe(1);
    server.answer = () => null;
    happens();
    await eventually(() => heartbeats() === 2);
    clock.advance(3_000);
    await eventually(() => server.urls.length === 2);
    await isOpen();
  });

  test("events in a burst make one probe, and visibilitychange to hidden none", async () => {
    show("hidden");
    await turn();
    expect(heartbeats()).toBe(0);
    show("visible");
    fire("pageshow");
    fire("online");
    await eventually(() => heartbeats() === 1);
    await turn();
    expect(heartbeats()).toBe(1);
  });

  test("while the page is hidden nothing is retried and nextRetryAt is null; seen again, it tries at once", async () => {
    show("hidden");
    server.close(1006);
    await isWaiting();
    expect(socket.statusDetail.current.nextRetryAt).toBeNull();
    clock.advance(600_000);
    fire("online");
    await turn();
    expect(server.urls.length).toBe(1);
    show("visible");
    await isOpen();
    expect(server.urls.length).toBe(2);
  });

  test("client.md 2: the statusDetail of a connection says the same of it", async () => {
    const connection = await connect(socket, { clock, logger });
    server.isAccepting = false;
    server.close(1006);
    await isWaiting();
    expect(connection.statusDetail.current).toMatchObject({ transport: "waiting", nextRetryAt: clock.now() + 250 });
    show("hidden");
    expect(connection.statusDetail.current).toMatchObject({ transport: "waiting", nextRetryAt: null });
    await connection.disconnect();
  });

  test("a page hidden during a wait holds the retry; online while seen ends the wait", async () => {
    server.isAccepting = false;
    server.close(1006);
    await isWaiting();
    expect(socket.statusDetail.current.nextRetryAt).toBe(clock.now() + 250);
    const { since } = socket.statusDetail.current;
    clock.advance(100);
    show("hidden");
    expect(socket.statusDetail.current).toMatchObject({ nextRetryAt: null, since });
    clock.advance(600_000);
    await turn();
    expect(server.urls.length).toBe(1);
    show("visible");
    await eventually(() => server.urls.length === 2);
    await isWaiting();
    server.isAccepting = true;
    fire("online");
    await isOpen();
    expect(server.urls.length).toBe(3);
  });

  test("a wait that nobody saw does not make a short connection a lasting one", async () => {
    server.close(1006);
    await isWaiting();
    clock.advance(250);
    await isOpen();
    show("hidden");
    server.close(1006);
    await isWaiting();
    clock.advance(600_000);
    server.isAccepting = false;
    show("visible");
    await eventually(() => socket.statusDetail.current.nextRetryAt === clock.now() + 500);
  });

  test("the late timers of a hidden page are no clock jump; those of a page that is seen are", async () => {
    const jump = () => {
      clock.sleep(60_000);
      clock.advance(5_000);
    };
    show("hidden");
    jump();
    await turn();
    expect(heartbeats()).toBe(0);
    visibility = "visible";
    jump();
    await eventually(() => heartbeats() === 1);
  });

  test("a page seen again while it connects makes one connection, not two", async () => {
    server.close(1006);
    await isWaiting();
    clock.advance(250);
    expect(socket.connectionState()).toBe("connecting");
    show("visible");
    await isOpen();
    await turn();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([server.connections, socket.statusDetail.current.transport]).toEqual([1, "open"]);
  });

  test("the pageshow that ends loading is no return: nothing is probed, nothing begun anew", async () => {
    const loaded = () => window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: false }));
    loaded();
    await turn();
    expect(heartbeats()).toBe(0);
    socket.disconnect();
    socket.connect();
    loaded();
    await isOpen();
    expect(server.urls.length).toBe(2);
  });

  test("pagehide and pageshow (back/forward cache): phoenix.js leaves and comes back, with our connect", async () => {
    fire("pagehide");
    await eventually(() => server.connections === 0);
    expect(socket.statusDetail.current).toMatchObject({ transport: "idle", reason: { kind: "disconnected" } });
    fire("pageshow");
    await isOpen();
    expect(server.connections).toBe(1);
  });

  test("no listener is left after disconnect, nor after a final close", async () => {
    socket.disconnect();
    const added = vi.spyOn(globalThis, "addEventListener");
    const removed = vi.spyOn(globalThis, "removeEventListener");
    const listeners = (spy: typeof added | typeof removed) => spy.mock.calls.map(([name, call]) => [name, call]);
    try {
      socket.connect();
      await isOpen();
      socket.disconnect();
      expect(listeners(added).map(([name]) => name)).toEqual(["online", "pageshow", "visibilitychange"]);
      expect(listeners(removed)).toEqual(listeners(added));
      socket.connect();
      await isOpen();
      server.close(4403);
      await eventually(() => socket.statusDetail.current.transport === "stopped");
      expect(listeners(removed)).toEqual(listeners(added));
      expect(listeners(added).length).toBe(6);
    } finally {
      added.mockRestore();
      removed.mockRestore();
    }
  });
});
