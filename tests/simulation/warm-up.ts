import { type AnyRegistry, connect, loadUploads } from "@musubi/client";
import { ScriptedServer } from "@musubi/testing";

let warm: Promise<void> | undefined;

/** Has the client load what it loads when it is first used: that takes real time, for which no run's own time waits. */
export function warmUp(): Promise<void> {
  warm ??= load();
  return warm;
}

/** Resolves when code that was asked for before is there: what is loaded already still takes its turn to come. */
export async function loaded(): Promise<void> {
  await import("./divergence.js");
}

async function load(): Promise<void> {
  const socket = new ScriptedServer().createSocket();
  const connection = await connect<AnyRegistry>(socket, { topology: "channel-per-root" });
  await connection.clearStoreCache();
  await loadUploads();
  await connection.disconnect();
  socket.disconnect();
}
