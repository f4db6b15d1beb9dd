import { request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import type { ConnectRequest, ConnectResult } from "./connect.js";
import { channel, joined } from "../channels/channel.js";
import { ask, PollClient, pollWithoutReading, restOf } from "./poll-client.test.util.js";
import { listeningLogger, manualClock, type Running, start } from "./raw-client.test.util.js";

let running: Running | undefined;
async function run(options: Parameters<typeof start>[0] = {}): Promise<Running> {
  running = await start(options);
  return running;
}
afterEach(() => running?.stop());

/** More than a connection holds that nobody reads. */
const UNREAD_BYTES = 50_000_000;

/** A session whose client has polled and does not read the large answer. */
async function answerUnread(options: { readonly maxUnsentBytes?: number }) {
  const clock = manualClock();
  const { port, endpoint } = await run({ clock, longPoll: { maxSessions: 1 }, ...options });
  const client = await PollClient.open(port);
  await client.join("room:a");
  const timers = clock.pending();
  const socket = pollWithoutReading(port, client.token);
  await expect.poll(() => clock.pending()).toBe(timers + 1);
  endpoint.broadcast("room:a", "big", "x".repeat(UNREAD_BYTES));
  await expect.poll(() => clock.pending()).toBe(timers);
  return { clock, port, endpoint, client, socket };
}

describe("bounds of long-poll", () => {
  it("maxSessions: one more gets 503, those that still wait for the connect hook counted, until one ends", async () => {
    const clock = manualClock();
    let open: () => void = () => {};
    const slow = new Promise<void>((resolve) => {
      open = resolve;
    });
    let asked = 0;
    const connect = async ({ params }: ConnectRequest): Promise<ConnectResult> => {
      asked += 1;
      if (params["slow"] === "1") await slow;
      return { id: params["id"] ?? null };
    };
    const { port, endpoint } = await run({ clock, connect, longPoll: { maxSessions: 2 } });
    await PollClient.open(port, "&id=first");
    const waiting = ask(port, { query: "&slow=1" });
    await expect.poll(() => asked).toBe(2);
    const refused = await ask(port).reply;
    expect(refused).toMatchObject({ http: 503 });
    expect(refused.status).toBeUndefined();
    expect(asked).toBe(2);
    open();
    expect(await waiting.reply).toMatchObject({ status: 410 });
    expect(await ask(port).reply).toMatchObject({ http: 503 });
    endpoint.disconnect("first");
    expect(await ask(port).reply).toMatchObject({ status: 410 });
  });

  it("maxSessions: a session that has ended counts for as long as its channels' code runs", async () => {
    let end = (): void => {};
    const terminate = (): Promise<void> =>
      new Promise((resolve) => {
        end = resolve;
      });
    const stuck = channel("stuck", { join: () => joined(null), terminate });
    const { port, endpoint } = await run({ channels: [stuck], longPoll: { maxSessions: 1 } });
    const client = await PollClient.open(port);
    await client.join("stuck");
    expect(await client.post("[]").reply).toMatchObject({ status: 408 });
    expect(endpoint.inspect().sockets).toBe(0);
    expect(await ask(port).reply).toMatchObject({ http: 503 });
    expect(endpoint.traffic.refusals["http_503"]).toBe(1);
    end();
    await expect.poll(async () => (await ask(port).reply).status).toBe(410);
  });

  it("maxSessions: one that has ended counts until what it was answered is taken, or it was silent for too long", async () => {
    const { clock, port, client, socket } = await answerUnread({});
    expect(await client.post("[]").reply).toMatchObject({ status: 408 });
    expect(await client.post("[]").reply).toMatchObject({ status: 410 });
    expect(await ask(port).reply).toMatchObject({ http: 503 });
    clock.advance(20_000);
    expect(await restOf(socket)).toBeLessThan(UNREAD_BYTES);
    expect(await ask(port).reply).toMatchObject({ status: 410 });
  });

  it("a session that is cut takes along what was answered and not taken", async () => {
    const { port, endpoint, socket } = await answerUnread({ maxUnsentBytes: 1_000 });
    endpoint.broadcast("room:a", "one more", {});
    expect(endpoint.inspect().sockets).toBe(0);
    expect(await restOf(socket)).toBeLessThan(UNREAD_BYTES);
    expect(await ask(port).reply).toMatchObject({ status: 410 });
  });

  it("bodies are not read any further once their session has ended", async () => {
    const { port, endpoint } = await run({ connect: () => ({ id: "one" }) });
    const client = await PollClient.open(port);
    const headers = { "content-length": "20" };
    const slow = Array.from({ length: 4 }, () =>
      ask(port, { method: "POST", query: client.query, headers, body: "[" }),
    );
    await expect.poll(async () => (await client.post("[null,1,1,1,1]").reply).http).toBe(503);
    endpoint.disconnect("one");
    for (const { reply } of slow) {
      expect(await reply).toMatchObject({ http: 200, status: 410, headers: { connection: "close" } });
    }
  });

  it("maxUnsentBytes: a session that is not polled is ended, and no other", async () => {
    const logger = listeningLogger();
    const { port, endpoint } = await run({ logger, maxUnsentBytes: 100_000 });
    const [stuck, polling] = [await PollClient.open(port), await PollClient.open(port)];
    for (const client of [stuck, polling]) await client.join("room:a");
    for (let sent = 0; endpoint.inspect().sockets === 2; sent++) {
      endpoint.broadcast("room:a", "big", "x".repeat(10_000));
      await polling.messages();
      expect(sent).toBeLessThan(20);
    }
    expect(logger.lines).toMatchObject([{ level: "warn", message: "a client that polls too slowly is cut off" }]);
    expect(await stuck.post("[]").reply).toMatchObject({ status: 410 });
    await polling.beat();
  });

  it("maxFrameBytes: a longer body gets 400, whether it says its length or not, and the session lives", async () => {
    const { port } = await run({ maxFrameBytes: 1_000 });
    const client = await PollClient.open(port);
    const fits = JSON.stringify([null, "1", "phoenix", "heartbeat", "x".repeat(960)]).padEnd(1_000);
    expect(await client.post(fits).reply).toMatchObject({ status: 200 });
    expect(await client.post(`${fits} `).reply).toMatchObject({ http: 400, headers: { connection: "close" } });
    const chunked = request({
      host: "127.0.0.1",
      port,
      method: "POST",
      path: `/socket/longpoll?vsn=2.0.0${client.query}`,
      headers: { "content-type": "application/x-ndjson", "transfer-encoding": "chunked" },
    });
    const status = new Promise((resolve, reject) => {
      chunked.on("response", (response) => resolve(response.statusCode));
      chunked.on("error", reject);
    });
    chunked.write(fits);
    chunked.write(" ");
    expect(await status).toBe(400);
    chunked.destroy();
    expect(await client.messages()).toHaveLength(1);
    await client.beat();
  });

  it("four bodies of one session are read at once: one more gets 503", async () => {
    const { port, server } = await run();
    const client = await PollClient.open(port);
    const slow = Array.from({ length: 4 }, () =>
      ask(port, { method: "POST", query: client.query, headers: { "content-length": "20" }, body: "[" }),
    );
    await expect
      .poll(async () => {
        const connections = await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
        return connections === 4;
      })
      .toBe(true);
    await expect.poll(async () => (await client.post("[null,1,1,1,1]").reply).http).toBe(503);
    for (const sent of slow) sent.request.destroy();
    await expect.poll(async () => (await client.post("[null,null,0,0,0]").reply).status).toBe(200);
  });

  it("a hundred messages of a body are taken, and the rest is dropped", async () => {
    const { port } = await run();
    const client = await PollClient.open(port);
    await client.say(...Array.from({ length: 150 }, (_, n) => [null, `${n}`, "phoenix", "heartbeat", {}]));
    const answers = await client.messages();
    expect(answers.map((answer) => (answer as unknown[])[1])).toEqual(Array.from({ length: 100 }, (_, n) => `${n}`));
    await client.beat();
  });

  it("of a body: no UTF-8 gets 400, no base64 gets 500, and neither harms the session", async () => {
    const { port } = await run();
    const client = await PollClient.open(port);
    for (const type of ["application/x-ndjson", "text/plain", "application/x-ndjson; charset=utf-8"]) {
      expect(await client.post(Buffer.from('["\xff"]', "latin1"), type).reply).toMatchObject({ http: 400 });
    }
    for (const body of ["hello!!", "AAA", "AB==", '["1"]\n{}']) {
      expect(await client.post(body).reply).toMatchObject({ http: 500 });
    }
    await client.beat();
  });

  it("handshakeTimeoutMs: a connect hook that takes longer is given up with 503, or with its client", async () => {
    const clock = manualClock();
    const signals: AbortSignal[] = [];
    const connect = ({ signal }: ConnectRequest): Promise<never> => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const { port, endpoint } = await run({ clock, connect, handshakeTimeoutMs: 3_000 });
    const [patient, gone] = [ask(port), ask(port)];
    await expect.poll(() => signals.length).toBe(2);
    gone.request.destroy();
    await expect.poll(() => signals.filter(({ aborted }) => aborted).length).toBe(1);
    clock.advance(3_000);
    expect(await patient.reply).toMatchObject({ http: 503 });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(endpoint.inspect().sockets).toBe(0);
    expect(clock.pending()).toBe(0);
  });
});
