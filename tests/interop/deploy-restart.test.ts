import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { type AnyRegistry, connect } from "@musubi/client";
import { createValkeyPubSub } from "@musubi/server/valkey";
import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import { beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { Deployment } from "./support/deployment.js";
import { authToken, type DeskClient, handshake } from "./support/deployment-clients.js";
import { useDeployment } from "./support/use-deployment.js";

// What docs/deploy.md promises of stops, restarts, kills and outages, on the files that it shows.

/** What the page promises for a restart or a kill: a limit for a test that hangs, far above what it takes. */
const FRESH_MS = 15_000;

describe("a deployment", () => {
  const deployment = useDeployment("deploy-restart", ["ada", "ben"]);
  const { closers, open } = deployment;
  let desk: Deployment;
  beforeAll(() => {
    desk = deployment.desk;
  });

  test("on SIGTERM a process is not ready before it refuses clients, and ends with 0 when it takes no more", async () => {
    const leaving = await desk.run(3, { STOP_DELAY_MS: "5000" });
    const direct = (): Promise<number | string | undefined> =>
      handshake(`ws://127.0.0.1:${desk.portOf(3)}/socket`, authToken("token-of-ada")).catch(
        (error: unknown) => (error as NodeJS.ErrnoException).code,
      );
    expect([(await desk.operations(3, "/readyz")).status, await direct()]).toEqual([200, 101]);
    /** What was seen, in order, each once. */
    const seen: string[] = [];
    const over = new AbortController();
    const looking = (async () => {
      while (!over.signal.aborted) {
        const ready = await desk.operations(3, "/readyz").then(
          ({ status }) => status,
          () => "gone",
        );
        const now = `${ready} ${await direct()}`;
        if (seen.at(-1) !== now) seen.push(now);
      }
    })();
    await eventually(() => seen.length > 0, "somebody looks");
    expect(await leaving.end("SIGTERM")).toBe(0);
    over.abort();
    await looking;
    expect(seen[0]).toBe("200 101");
    // While balancers learn of it, it takes clients; the listener closes after that.
    expect(seen).toContain("503 101");
    expect(seen.filter((each) => /^200 (?!101)/.test(each))).toEqual([]);
    const said = leaving.lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(said.filter((each) => each.startsWith("stop"))).toEqual(["stopping", "stopped"]);
  });

  test("while a process drains it refuses newcomers, and nginx leads them to the other one", async () => {
    // A client that does not say goodbye keeps it at that.
    const silent = new WebSocket(
      `ws://127.0.0.1:${desk.portOf(1)}/socket/websocket?vsn=2.0.0`,
      authToken("token-of-ada"),
    );
    closers.push(() => silent.terminate());
    await new Promise((opened) => silent.on("open", opened));
    silent.pause();
    const leaving = desk.processes.get(1)?.end("SIGTERM");
    const direct = (): Promise<number | undefined> =>
      handshake(`ws://127.0.0.1:${desk.portOf(1)}/socket`, authToken("token-of-ada"));
    await expect.poll(direct).toBe(503);
    // All at once: the process gives the silent one five seconds.
    const newcomers = Array.from({ length: 10 }, () => handshake(desk.url, authToken("token-of-ada")));
    expect(new Set(await Promise.all(newcomers))).toEqual(new Set([101]));
    expect(await direct()).toBe(503);
    silent.terminate();
    expect(await leaving).toBe(0);
    await desk.run(1);
  });

  /** Runs while clients send commands at a steady rate and somebody else changes what all of them show. */
  async function underLoad(during: (clients: readonly DeskClient[]) => Promise<void>): Promise<readonly DeskClient[]> {
    const names = Array.from({ length: 12 }, (_, at) => `load-${at}`);
    for (const name of names) desk.saveTicket(name, "0");
    const clients = await Promise.all(names.map((name, at) => open(name, at % 4 === 3 ? "longpoll" : "websocket")));
    const pubsub = createValkeyPubSub(desk.valkeyUrl, { prefix: "desk:" });
    closers.push(() => pubsub.close());
    await eventually(() => pubsub.inspect().isConnected, "the writer is connected");
    const over = new AbortController();
    let changes = 0;
    const change = (): void => pubsub.publish("ticket:shared", desk.saveTicket("shared", `change ${++changes}`));
    const looping = (async () => {
      for (; !over.signal.aborted; await new Promise((done) => setTimeout(done, 100))) {
        change();
        for (const client of clients) client.rename();
      }
    })();
    await eventually(() => clients.every(({ ends, news }) => ends.length > 5 && news.length > 5), "all are at work");
    await during(clients);
    const before = clients.map(({ answered }) => answered);
    await eventually(
      () => clients.every(({ answered }, at) => answered > (before[at] ?? 0) + 5),
      "all are at work again",
      FRESH_MS,
    );
    over.abort();
    await looping;
    const settled = (): boolean => clients.every(({ ends, sent }) => ends.length === sent);
    await eventually(settled, "every command has settled", FRESH_MS);
    change();
    for (const { shared } of clients) {
      await expect.poll(() => shared.snapshot()?.title, { timeout: FRESH_MS }).toBe(`change ${changes}`);
    }
    for (const { name, ends, sent, own, blanks, longestSilence } of clients) {
      expect(
        ends.map(({ n }) => n).sort((a, b) => a - b),
        name,
      ).toEqual(Array.from({ length: sent }, (_, n) => n));
      // What was answered has happened, and nothing older has come over it.
      const last = Math.max(...ends.filter(({ fate }) => fate === "ok").map(({ n }) => n));
      await expect.poll(() => Number(own.snapshot()?.title), { message: name }).toBeGreaterThanOrEqual(last);
      expect(blanks, name).toBe(0);
      expect(longestSilence, name).toBeLessThan(FRESH_MS);
    }
    return clients;
  }

  test("a rolling restart by the page's script: nobody notices but by a moment, and every command settles", async () => {
    const bin = mkdtempSync(join(tmpdir(), "musubi-bin-"));
    closers.push(() => rmSync(bin, { recursive: true, force: true }));
    const control = `http://127.0.0.1:${desk.ports.control}`;
    const tool = `#!${process.execPath}
const [name, ...args] = [process.argv[1].split("/").at(-1), ...process.argv.slice(2)];
const url = name === "curl" ? args.at(-1) : ["${control}", name, ...args].join("/");
fetch(url).then(({ ok }) => process.exit(ok ? 0 : 22), () => process.exit(7));
`;
    for (const name of ["systemctl", "curl"]) writeFileSync(join(bin, name), tool, { mode: 0o755 });
    const script = join(bin, "rollout.sh");
    writeFileSync(script, desk.files.get("rollout.sh") ?? "");
    const before = desk.requests().length;
    const old = [1, 2].map((instance) => desk.processes.get(instance)?.pid);

    const clients = await underLoad(async () => {
      const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}` };
      await promisify(execFile)("/bin/sh", [script], { env });
    });

    expect(desk.exitCodes).toEqual([0, 0]);
    expect([1, 2].map((instance) => old.includes(desk.processes.get(instance)?.pid))).toEqual([false, false]);
    // Handshakes that a process refused have gone on to the other one: no client saw one fail.
    const handshakes = desk
      .requests()
      .slice(before)
      .filter(({ path }) => path === "/socket/websocket");
    expect(handshakes.filter(({ status }) => status !== 101)).toEqual([]);
    expect(handshakes.length).toBeGreaterThanOrEqual(clients.length * 0.75);
    expect(desk.logs().filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  test("kill -9 of a process: its clients are at the other one, and every command settles", async () => {
    await underLoad(async (clients) => {
      await desk.processes.get(1)?.end("SIGKILL");
      const seen = clients.map(({ news }) => news.length);
      await eventually(
        () => clients.every(({ news }, at) => news.length > (seen[at] ?? 0) + 5),
        "all are fresh",
        FRESH_MS,
      );
      await desk.run(1);
    });
  });

  test("a reload of nginx breaks no connection, and neither does Valkey's absence", async () => {
    const client = await open("ada");
    let drops = 0;
    client.connection.status.subscribe(() => void (drops += 1));
    const before = desk.nginx.workers();
    desk.nginx.reload();
    // Who comes now comes to the new workers; who was there is with the old ones.
    await eventually(() => desk.nginx.workers() > before, "new workers");
    expect(await (await open("ben")).own.dispatchCommand("rename", { title: "new" })).toEqual({ title: "new" });
    await desk.redis.kill();
    const connected = async (): Promise<string | undefined> =>
      /^desk_valkey_connected (\d)$/m.exec((await desk.operations(1, "/metrics")).body)?.[1];
    await expect.poll(connected).toBe("0");
    expect((await desk.operations(1, "/readyz")).status).toBe(200);
    expect(await client.own.dispatchCommand("rename", { title: "alone" })).toEqual({ title: "alone" });
    expect(drops).toBe(0);
  });

  test("messages are spans of the provider that is registered before all else", async () => {
    const preload = new URL("support/tracing-preload.mjs", import.meta.url);
    const traced = await desk.run(4, { NODE_OPTIONS: `--import ${preload.href}` });
    const socket = new Socket(`ws://127.0.0.1:${desk.portOf(4)}/socket`, {
      transport: WebSocket,
      authToken: "token-of-ada",
    });
    closers.push(() => socket.disconnect());
    const connection = await connect<AnyRegistry>(socket);
    const { store } = await connection.mountStore({ module: "Ticket", id: "ada" });
    await store.dispatchCommand("rename" as never, { title: "traced" } as never);
    const line = await traced.line((each) => each.includes('"command Ticket"'));
    expect(JSON.parse(line)).toMatchObject({ span: "command Ticket", "musubi.name": "rename" });
  });
});
