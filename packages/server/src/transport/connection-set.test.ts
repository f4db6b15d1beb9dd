import { expect, test } from "vitest";
import type { SocketSession } from "../channels/socket-session.js";
import { ConnectionSet } from "./connection-set.js";

test("a process that stood still hears its clients out before it ends the silent ones", () => {
  let now = 0;
  let sweep: (() => void) | undefined;
  const clock = {
    now: () => now,
    setTimeout: (callback: () => void) => {
      sweep = callback;
      return callback;
    },
    clearTimeout: () => {},
  };
  const sweepAt = (time: number): void => {
    now = time;
    sweep?.();
  };
  const connections = new ConnectionSet(clock, 1_000);
  const ended: string[] = [];
  const connect = (name: string): { lastHeardAt: number } => {
    const connection = {
      session: { channelCount: 0 } as SocketSession,
      lastHeardAt: now,
      closeIdle: () => void ended.push(name),
      cut: () => {},
    };
    connections.add(connection);
    return connection;
  };
  connect("silent");
  const alive = connect("alive");
  for (let time = 100; time < 1_000; time += 100) sweepAt(time);
  sweepAt(1_500);
  expect(ended).toEqual([]);
  // What it has said in the meantime.
  alive.lastHeardAt = now;
  sweepAt(1_600);
  expect(ended).toEqual(["silent"]);
});
