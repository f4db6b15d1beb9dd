import { eventually } from "@musubi/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AnyRegistry, connect, type MusubiConnection } from "../index.js";
import { CacheWorld, recordOf, turn } from "./cache-setup.test.util.js";

// No persister is made in this file: what keeps records is loaded by the first mount that asks for a cache.

let world: CacheWorld;
let connection: MusubiConnection<AnyRegistry>;

beforeEach(async () => {
  world = new CacheWorld();
  world.server.store("List", () => ({ title: "first" }));
  connection = await world.connect();
});

afterEach(() => world.close());

const cached = { module: "List", id: "1", cache: {} };

test("client.md 17: initialData is shown before anything is loaded", () => {
  const initialData = recordOf({ title: "initial" });
  const opened = connection.openRoot({ ...cached, cache: { initialData } });
  expect(opened.store.snapshot()).toMatchObject({ title: "initial" });
});

test("client.md 17: clearStoreCache with nothing cached does nothing", async () => {
  await connection.clearStoreCache();
  expect(world.logger.warn).not.toHaveBeenCalled();
});

test("client.md 17: without a persister records are in the connection's memory, and end with it", async () => {
  const first = await connection.mountStore(cached);
  await turn();
  await world.end(first);
  const again = connection.openRoot(cached);
  expect(again.state.current).toEqual({ status: "stale", fromCache: true });
  expect(again.store.snapshot()).toMatchObject({ title: "first" });
  const other = (await world.connect()).openRoot(cached);
  expect(other.state.current.fromCache).toBe(false);
  await again.revalidated;
});

test("client.md 17: a root that ends while what keeps records is being loaded leaves nothing", async () => {
  const opened = connection.openRoot(cached);
  const ended = world.connect();
  opened.release();
  await connection.disconnect();
  await ended;
  await turn();
  expect(world.clock.pending).toBe(0);
});

test("client.md 17: two holders share the connection's memory", async () => {
  const socket = world.server.createSocket();
  const [one, two] = await Promise.all([connect<AnyRegistry>(socket, world), connect<AnyRegistry>(socket, world)]);
  await world.end(await one.mountStore(cached));
  const opened = two.openRoot(cached);
  expect(opened.state.current.fromCache).toBe(true);
  await eventually(() => opened.state.current.status === "live");
  await one.disconnect();
  await two.disconnect();
  socket.disconnect();
});
