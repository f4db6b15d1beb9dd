import { type AnyRegistry, connect } from "@musubi/client";
import { expect, test } from "vitest";
import { eventually } from "./eventually.js";
import { FaultyNetwork } from "./faulty-network.js";
import { ScriptedServer } from "./scripted-server.js";

test("a client of the scripted server comes through faults and shows the server's state", async () => {
  const network = new FaultyNetwork();
  let count = 0;
  const server = new ScriptedServer().store("Counter", () => ({ count }));
  const socket = server.createSocket({}, network);
  const connection = await connect<AnyRegistry>(socket, { random: () => 0 });
  const { store, state } = await connection.mountStore({ module: "Counter", id: "a" });
  const shows = (): unknown => (store as unknown as { readonly count: number }).count;
  for (const kind of ["cut", "crash", "close", "restart"] as const) {
    const back = new Promise<void>((resolve) => {
      const stop = state.subscribe(() => {
        if (state.current.status !== "live") return;
        stop();
        resolve();
      });
    });
    count++;
    network.inject(kind === "restart" ? { kind, ms: 5 } : { kind });
    await back;
    expect(shows()).toBe(count);
  }
  network.inject({ kind: "duplicate", after: 0 });
  server.patch("Counter:a", [{ op: "replace", path: "/count", value: 100 }]);
  server.patch("Counter:a", [{ op: "replace", path: "/count", value: 101 }]);
  await eventually(() => shows() === 101);
  expect(state.current.status).toBe("live");
  await connection.disconnect();
  socket.disconnect();
});
