import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createMusubiServer } from "@musubi/server";
import { WebSocket } from "ws";
import { STORES } from "./stores.js";

/** A root to change, by the ids of the pair. */
export interface Place {
  readonly module: string;
  readonly id: string;
  readonly storeId: readonly string[];
}

/** Roots of a real server, all mounted by one real client, with a watch on what each message costs the server. */
export interface MountedRoots {
  /**
   * Changes a store so many times, each by a message of its own; resolves with the nanoseconds that one took, from its
   * turn in the mailbox until its envelope was encoded and given to the socket.
   */
  change(place: Place, assigns: (at: number) => Readonly<Record<string, unknown>>, times: number): Promise<number>;
  close(): Promise<void>;
}

export async function mountRoots(roots: readonly Omit<Place, "storeId">[]): Promise<MountedRoots> {
  let [messages, spentMs, sent] = [0, 0, 0];
  const musubi = createMusubiServer({
    stores: STORES,
    freezeAssigns: false,
    logger: { debug() {}, info() {}, warn: console.error, error: console.error },
    clock: {
      now: () => performance.now(),
      setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
      clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
    },
    hooks: [
      {
        afterMessage({ durationMs, isSent }) {
          messages += 1;
          spentMs += durationMs;
          if (isSent) sent += 1;
        },
      },
    ],
  });
  const http = createServer();
  musubi.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/socket/websocket?vsn=2.0.0`);
  await new Promise((resolve, reject) => client.on("open", resolve).on("error", reject));
  const push = (event: string, payload: unknown): void =>
    client.send(JSON.stringify(["1", "1", "musubi:connection", event, payload]));
  push("phx_join", {});
  for (const { module, id } of roots) push("mount", { module, id, params: {} });
  await until(() => musubi.inspect().roots.filter(({ status }) => status === "live").length === roots.length);
  return {
    async change({ module, id, storeId }, assigns, times) {
      [messages, spentMs, sent] = [0, 0, 0];
      for (let at = 0; at < times; at++) musubi.sendUpdate({ module, id }, storeId as never, assigns(at) as never);
      await until(() => messages === times);
      if (sent !== times) throw new Error(`${sent} envelopes upon ${times} changes`);
      return (spentMs / times) * 1e6;
    },
    async close() {
      client.terminate();
      await musubi.close();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
