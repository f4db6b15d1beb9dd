import { LongPoll, Socket } from "phoenix";
import { assertType, expectTypeOf, test } from "vitest";
import type { Observable, SocketLike } from "./index.js";
import { createSocket, type SocketDetail } from "./socket.js";

test("a createSocket is the app's own class, a SocketLike, and tells how it stands", () => {
  const socket = createSocket(Socket, "wss://example.com/socket", {
    transport: WebSocket,
    token: async () => "t",
    params: () => ({ user: "u" }),
    heartbeatIntervalMs: 20_000,
  });
  expectTypeOf(socket).toExtend<Socket>();
  assertType<SocketLike>(socket);
  expectTypeOf(socket.statusDetail).toEqualTypeOf<Observable<SocketDetail>>();
});

test("transports of phoenix.js are taken; delays of phoenix.js and wrong tokens are not", () => {
  createSocket(Socket, "/socket", { transport: LongPoll, token: () => "t" });
  // @ts-expect-error createSocket owns the delays
  createSocket(Socket, "/socket", { reconnectAfterMs: () => 1 });
  // @ts-expect-error a token is a string
  createSocket(Socket, "/socket", { token: () => 7 });
});
