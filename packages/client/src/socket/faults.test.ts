import { eventually } from "@musubi/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { clock, create, nextDelay, server, standing, turn } from "./socket-setup.test.util.js";

const faults = ["cut", "restart", "silence", "refuse", "token_fails", "garbage", "crash", "sleep", "wait"] as const;
type Fault = (typeof faults)[number];

/** One client through a sequence of faults, after which all is well again. */
async function run(sequence: readonly Fault[]): Promise<void> {
  let isTokenWell = true;
  let isSilent = false;
  let tokens = 0;
  const given = new Set<unknown>();
  const socket = create({
    token: async () => {
      if (!isTokenWell) throw new Error("no session");
      const token = `t${++tokens}`;
      given.add(token);
      return token;
    },
    rejoinBackoff: { baseMs: 1, capMs: 2 },
  });
  server.isAccepting = true;
  server.answer = () => (isSilent ? null : "ok");
  server.received.length = 0;
  server.urls.length = 0;
  let isJoined = false;
  const channel = socket.channel("room");
  channel.onError(() => {
    isJoined = false;
  });
  channel.join().receive("ok", () => {
    isJoined = true;
  });
  socket.connect();
  for (const fault of sequence) {
    if (fault === "cut") server.close(1006);
    if (fault === "restart") server.close(1012);
    if (fault === "silence") isSilent = !isSilent;
    if (fault === "refuse") server.isAccepting = !server.isAccepting;
    if (fault === "token_fails") isTokenWell = !isTokenWell;
    if (fault === "garbage") server.send("<garbage>");
    if (fault === "crash") server.send(JSON.stringify([null, null, "room", "phx_error", {}]));
    if (fault === "sleep") {
      clock.sleep(60_000);
      clock.advance(5_000);
      clock.advance(3_000);
    }
    if (fault === "wait") clock.advance(1_000);
    await turn();
  }
  isTokenWell = true;
  isSilent = false;
  server.isAccepting = true;
  // A join that nobody answered is phoenix.js's to time out, after 10 s of its own clock: a cut is sooner.
  server.close(1006);
  await turn();
  await eventually(() => {
    if (!(isJoined && standing(socket) === "open")) clock.advance(10_000);
    return isJoined && standing(socket) === "open";
  }, "the channel is joined again");
  expect(server.connections).toBe(1);

  const used = [...server.urlTokens, ...server.joinTokens()];
  expect(new Set(used).size, "no token is used twice").toBe(used.length);
  expect(used.every((token) => given.has(token))).toBe(true);
  expect(socket.statusDetail.current).toMatchObject({ nextRetryAt: null, reason: null });
  server.close(1006);
  await nextDelay(socket);
  socket.disconnect();
  expect(clock.pending, "no timer is left").toBe(0);
  await eventually(() => server.connections === 0);
}

test("any sequence of faults ends with one connection, a joined channel, and no token used twice", async () => {
  // fast-check prints the seed and the sequence of a failure.
  await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom(...faults), { maxLength: 12 }), run), { numRuns: 60 });
});
