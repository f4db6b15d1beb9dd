import { eventually, FakeClock, ScriptedServer, type TestSocket } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type AnyRegistry, connect, type MountedStore, type MusubiConnection, nextSnapshot, waitFor } from "./index.js";

interface Counter {
  readonly count: number;
}

let server: ScriptedServer;
let socket: TestSocket;
let clock: FakeClock;
let connection: MusubiConnection<AnyRegistry>;
let mounted: MountedStore<string, AnyRegistry>;
let store: { snapshot(): Counter | undefined; subscribe(listener: () => void): () => void };

beforeEach(async () => {
  clock = new FakeClock();
  server = new ScriptedServer().store("Counter", () => ({ count: 1 }));
  socket = server.createSocket();
  connection = await connect<AnyRegistry>(socket, { clock });
  mounted = await connection.mountStore({ module: "Counter", id: "a" });
  store = mounted.store as unknown as typeof store;
});

afterEach(async () => {
  await connection.disconnect();
  socket.disconnect();
  expect(clock.pending).toBe(0);
});

const setCount = (value: number) => server.patch("Counter:a", [{ op: "replace", path: "/count", value }]);

describe("waiting for state", () => {
  test("client.md (waitFor): resolves at once when the state is like that already", async () => {
    await expect(waitFor(store, (state) => state.count === 1 && "one")).resolves.toBe("one");
  });

  test("client.md (waitFor): resolves at the envelope that makes it so, 0 and empty strings included", async () => {
    const waiting = waitFor(store, (state) => (state.count > 2 ? 0 : undefined));
    setCount(2);
    setCount(3);
    await expect(waiting).resolves.toBe(0);
    expect(store.snapshot()?.count).toBe(3);
  });

  test("client.md (waitFor): ends with the signal's reason, the selector's error, and the root", async () => {
    const controller = new AbortController();
    const aborted = waitFor(store, () => false, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await expect(waitFor(store, () => false, { signal: controller.signal })).rejects.toThrow("enough");
    const thrown = waitFor(store, (state) => {
      if (state.count > 1) throw new Error("mine");
      return false;
    });
    setCount(2);
    await expect(thrown).rejects.toThrow("mine");
    const unmounted = waitFor(store, () => false);
    await mounted.unmount();
    clock.advance(50);
    await expect(unmounted).rejects.toMatchObject({ code: "unmounted" });
  });

  test("client.md (nextSnapshot): the one after the next change, not the present one", async () => {
    const next = nextSnapshot(store);
    setCount(5);
    await expect(next).resolves.toMatchObject({ count: 5 });
  });

  test("client.md (waitFor): nothing stays subscribed once it has settled", async () => {
    let selected = 0;
    await waitFor(store, () => ++selected);
    setCount(2);
    await eventually(() => store.snapshot()?.count === 2);
    expect(selected).toBe(1);
  });

  test("client.md (waitFor): what is no proxy is refused", () => {
    expect(() => waitFor({ snapshot: () => 1, subscribe: () => () => {} }, Boolean)).toThrow(/store proxy/);
  });
});
