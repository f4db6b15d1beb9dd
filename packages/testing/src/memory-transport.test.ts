import { expect, test } from "vitest";
import { eventually } from "./eventually.js";
import { createMemoryTransport, type MemoryPeer } from "./memory-transport.js";

/** A transport and the server's end of it, with what each has seen. */
function open(refuse = false) {
  const client: string[] = [];
  const server: string[] = [];
  let peer: MemoryPeer | undefined;
  const Transport = createMemoryTransport({
    connect: (url, connected) => {
      server.push(`connect ${url}`);
      peer = connected;
      return refuse
        ? undefined
        : { message: (text) => server.push(text), close: (code) => server.push(`close ${code}`) };
    },
  });
  const socket = new Transport("ws://x");
  Object.assign(socket, {
    onopen: () => client.push("open"),
    onmessage: ({ data }: { data: string }) => client.push(data),
    onerror: () => client.push("error"),
    onclose: ({ code, wasClean }: { code: number; wasClean: boolean }) => client.push(`close ${code} ${wasClean}`),
  });
  return { socket, client, server, peer: peer as MemoryPeer };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

test("opens asynchronously; frames arrive in order, both ways", async () => {
  const { socket, client, server, peer } = open();
  expect([socket.readyState, client]).toEqual([0, []]);
  socket.send("too early");
  peer.send("first");
  await settle();
  for (const frame of ["a", "b"]) socket.send(frame);
  peer.send("second");
  expect(server).toEqual(["connect ws://x"]);
  await settle();
  expect(client).toEqual(["open", "first", "second"]);
  expect(server).toEqual(["connect ws://x", "a", "b"]);
});

test("one that is refused ends as a connection that fails", async () => {
  const { socket, client } = open(true);
  await settle();
  expect([socket.readyState, client]).toEqual([3, ["error", "close 1006 false"]]);
});

test("a close of the client comes after what it sent before, and once", async () => {
  const { socket, client, server } = open();
  await settle();
  socket.send("last");
  socket.close();
  socket.close();
  socket.send("too late");
  await settle();
  expect(server).toEqual(["connect ws://x", "last", "close 1000"]);
  expect([socket.readyState, client]).toEqual([3, ["open", "close 1000 true"]]);
});

test("a close of the server comes after what it sent before; a cut takes that with it", async () => {
  const closed = open();
  const cut = open();
  await settle();
  for (const { peer } of [closed, cut]) peer.send("last");
  closed.peer.close(1012);
  cut.peer.close(1006);
  await settle();
  expect(closed.client).toEqual(["open", "last", "close 1012 true"]);
  expect(cut.client).toEqual(["open", "error", "close 1006 false"]);
});

test("eventually waits for its condition, and says what it waited for", async () => {
  let turns = 0;
  await eventually(() => ++turns > 3);
  expect(turns).toBe(4);
  await expect(eventually(() => false, "the end of time", 5)).rejects.toThrow("the end of time did not hold");
});
