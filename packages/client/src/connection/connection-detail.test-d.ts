import { assertType, expectTypeOf, test } from "vitest";
import type { ConnectionDetail, ConnectionReason, MusubiConnection, Observable, SocketLike } from "../index.js";
import { createSocket, type PhoenixSocket, type PhoenixSocketClass, type SocketReason } from "../socket.js";

test("client.md 2: the reasons are a closed union, of which the socket's own are a part", () => {
  const told = (reason: ConnectionReason): string | number => {
    switch (reason.kind) {
      case "closed":
        return reason.closeCode;
      case "moved":
        return reason.url;
      case "join_refused":
        return String(reason.details);
      case "disconnected":
      case "lost":
      case "probe_unanswered":
      case "token_failed":
      case "transport_failed":
      case "open_timeout":
      case "join_timeout":
      case "channel_crashed":
      case "channel_closed":
      case "not_loaded":
        return reason.kind;
      default:
        return reason satisfies never;
    }
  };
  expectTypeOf(told).returns.toEqualTypeOf<string | number>();
  expectTypeOf<SocketReason>().toExtend<ConnectionReason>();
  expectTypeOf<MusubiConnection["statusDetail"]>().toEqualTypeOf<Observable<ConnectionDetail>>();
});

test("client.md 3: a createSocket can be moved; to a connection it is a socket as any other", () => {
  const socket = createSocket({} as PhoenixSocketClass<PhoenixSocket>, "/socket", {
    isMoveAllowed: (url) => url !== "",
  });
  expectTypeOf(socket.move).toEqualTypeOf<(url: string) => boolean>();
  assertType<SocketLike>(socket);
});
