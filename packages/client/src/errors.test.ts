import { afterEach, expect, test, vi } from "vitest";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

/** What a command that is not to wait ends in, in a build of this kind. */
async function refusalIn(build: string): Promise<unknown> {
  vi.resetModules();
  vi.stubEnv("NODE_ENV", build);
  const { dispatchConnectionCommand, mountConnectionRoot, openConnectionState } = await import("./runtime.js");
  const { LineServer } = await import("./socket/line-server.test.util.js");
  const { Socket } = await import("phoenix");
  const socket = new Socket("ws://line/socket", { transport: new LineServer().transport });
  const { connection, ready } = openConnectionState(socket, {});
  const root = mountConnectionRoot(connection, { module: "Counter", id: "1" });
  const ends = [ready.catch(() => {}), root.ready.catch(() => {})];
  const refused = dispatchConnectionCommand(root.connection, [], "add", {}, { whenOffline: "reject" });
  const error: unknown = await refused.catch((cause: unknown) => cause);
  connection.release();
  await Promise.all(ends);
  socket.disconnect();
  return error;
}

test("an error says what ended and its code; in development what to look at, too", async () => {
  expect(await refusalIn("development")).toMatchObject({
    code: "offline",
    message: 'Command "add" of store [] (not_sent): offline: the root is not live, and the command was not to wait.',
  });
  expect(await refusalIn("production")).toMatchObject({
    code: "offline",
    message: 'Command "add" of store [] (not_sent): offline.',
  });
});
