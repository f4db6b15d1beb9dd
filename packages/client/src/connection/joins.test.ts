import { FakeClock } from "@musubi/testing";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { mountConnectionRoot, openConnectionState } from "../runtime.js";
import type { ChannelLike, PushLike, SocketLike } from "./socket-like.js";

type Hook = (value?: unknown) => void;

/** A socket whose one channel at a time does what a test says: phoenix.js can tell of these in any order. */
class PlayedSocket implements SocketLike {
  readonly mounts: Map<string, Hook>[] = [];
  hooks = new Map<string, Hook>();
  channels = 0;

  connect(): void {}
  isConnected(): boolean {
    return true;
  }
  onOpen(): void {}
  onClose(): void {}
  off(): void {}

  channel(): ChannelLike {
    this.channels++;
    const hooks = (this.hooks = new Map());
    const push = (to: Map<string, Hook>): PushLike => {
      const made: PushLike = { receive: (status, hook) => (to.set(status, hook), made) };
      return made;
    };
    return {
      join: () => push(hooks),
      leave: () => push(new Map()),
      push: (event) => {
        const answers = new Map<string, Hook>();
        if (event === "mount") this.mounts.push(answers);
        return push(answers);
      },
      on: () => {},
      onError: (hook) => hooks.set("lost", hook),
      onClose: (hook) => hooks.set("closed", hook),
    };
  }
}

const EVENTS = ["ok", "ok", "error", "timeout", "lost", "closed"] as const;

test("protocol.md 2 (joins): each join begins once and ends before the next begins: a root is mounted once in each", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 30 }), (sequence) => {
      const clock = new FakeClock();
      const logger = { warn: vi.fn(), error: vi.fn() };
      const socket = new PlayedSocket();
      const options = { clock, logger, random: () => 0.5, mountTimeoutMs: 1e9 };
      const { connection } = openConnectionState(socket, options);
      const { state } = mountConnectionRoot(connection, { module: "Board", id: "a" }).connection;
      // The first join is not refused: that would be the end.
      let joins = 0;
      let closes = 0;
      for (const event of ["ok", ...sequence]) {
        if (event === "ok") joins++;
        if (event === "closed") closes++;
        const late = socket.mounts.at(-1);
        socket.hooks.get(event)?.(event === "lost" ? { source: "transport" } : {});
        if (event === "closed") clock.advance(30_000);
        // What belonged to the join before is over: its answer comes to nothing.
        late?.get("error")?.({ reason: "late" });
        expect([socket.mounts.length, socket.channels]).toEqual([joins, closes + 1]);
        expect([state.current.status, connection.status.current]).toEqual([
          "loading",
          event === "ok" ? "ready" : "reconnecting",
        ]);
      }
      connection.release();
      expect([clock.pending, logger.error.mock.calls]).toEqual([0, []]);
    }),
    { numRuns: 300 },
  );
});
