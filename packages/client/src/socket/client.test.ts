import { eventually, FakeClock, ScriptedServer, type TransportConstructor } from "@musubi/testing";
import { Socket } from "phoenix";
import { expect, test, vi } from "vitest";
import { type AnyRegistry, connect } from "../index.js";
import { createSocket } from "../socket.js";

test("our client on a createSocket: mounts a root, drops, rejoins with a new token, and is live again", async () => {
  const clock = new FakeClock();
  const logger = { warn: vi.fn(), error: vi.fn() };
  let visits = 0;
  const server = new ScriptedServer()
    .store("Counter", () => ({ visits: ++visits }))
    .command("echo", (said) => ({ said }));
  const { transport } = server.createSocket() as unknown as { transport: TransportConstructor };
  const urlTokens: (string | null)[] = [];
  class Recording extends transport {
    constructor(url: string) {
      super(url);
      urlTokens.push(new URL(url).searchParams.get("token"));
    }
  }
  let tokens = 0;
  const socket = createSocket(Socket, "ws://scripted/socket", {
    transport: Recording,
    token: async () => `t${++tokens}`,
    clock,
    logger,
    random: () => 0.5,
  });

  const connection = await connect<AnyRegistry>(socket, { clock, logger });
  const { store, state } = await connection.mountStore({ module: "Counter", id: "a" });
  const shown = () => (store.snapshot() as { visits?: number } | undefined)?.visits;
  expect(shown()).toBe(1);

  server.accepting = false;
  server.cut();
  await eventually(() => socket.statusDetail.current.transport === "waiting");
  expect([connection.status.current, shown()]).toEqual(["reconnecting", 1]);
  clock.advance(250);
  await eventually(() => socket.statusDetail.current.nextRetryAt === clock.now() + 500);
  server.accepting = true;
  clock.advance(500);
  await eventually(() => state.current.status === "live" && connection.status.current === "ready");
  expect(shown()).toBe(2);
  await expect(store.dispatchCommand("echo" as never, "hello" as never)).resolves.toEqual({ said: "hello" });

  expect(urlTokens).toEqual(["t1", "t3", "t4"]);
  expect(server.messages("phx_join")).toEqual([{ token: "t2" }, { token: "t5" }]);

  await connection.disconnect();
  socket.disconnect();
  await eventually(() => server.connections === 0);
  expect([clock.pending, logger.error.mock.calls]).toEqual([0, []]);
});
