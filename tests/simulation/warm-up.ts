import { type AnyRegistry, connect } from "@musubi/client";
import { ScriptedServer } from "@musubi/testing";

/** Has the client load what it loads when it is first used: that takes real time, for which no run's own time waits. */
export async function warmUp(): Promise<void> {
  const socket = new ScriptedServer().createSocket();
  const connection = await connect<AnyRegistry>(socket, { topology: "channel-per-root" });
  await connection.clearStoreCache();
  await connection.disconnect();
  socket.disconnect();
}
