import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import { afterEach, expect, test, vi } from "vitest";
import { openConnectionState } from "../runtime.js";
import { LineServer } from "../socket/line-server.test.util.js";

afterEach(() => vi.unstubAllGlobals());

function open(url: string): { server: LineServer; socket: Socket; warn: ReturnType<typeof vi.fn>; leave: () => void } {
  const server = new LineServer();
  server.isAccepting = false;
  const params = { token: "secret" };
  const socket = new Socket(url, { transport: server.transport, params, reconnectAfterMs: () => 1 });
  const warn = vi.fn();
  const { connection } = openConnectionState(socket, { logger: { warn, error: vi.fn() } });
  const leave = (): void => {
    connection.release();
    socket.disconnect();
  };
  return { server, socket, warn, leave };
}

test("a socket that never opens is warned of, once: its address without a token, the page's origin, what to check", async () => {
  vi.stubGlobal("location", { origin: "https://page.example" });
  const { server, warn, leave } = open("ws://line/socket?key=secret");
  await eventually(() => server.urls.length === 2);
  expect(warn.mock.calls).toEqual([]);
  await eventually(() => server.urls.length > 6);
  leave();
  expect(warn.mock.calls).toEqual([[expect.stringMatching(/^The socket to ws:\/\/line\/socket has not opened/)]]);
  expect(warn.mock.calls[0]?.[0]).toContain("its checkOrigin lets https://page.example in");
  expect(warn.mock.calls[0]?.[0]).not.toContain("secret");
});

test("one that has been open is waited for in silence", async () => {
  const { server, socket, warn, leave } = open("ws://line/socket");
  await eventually(() => server.urls.length === 2);
  server.isAccepting = true;
  await eventually(() => socket.isConnected());
  server.isAccepting = false;
  server.close(1012);
  await eventually(() => server.urls.length > 8);
  leave();
  expect(warn.mock.calls).toEqual([]);
});

test("one that nobody waits for any more is left alone", async () => {
  const { server, socket, warn, leave } = open("ws://line/socket");
  leave();
  socket.connect();
  await eventually(() => server.urls.length > 6);
  socket.disconnect();
  expect(warn.mock.calls).toEqual([]);
});
