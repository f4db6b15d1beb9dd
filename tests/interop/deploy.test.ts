import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMusubiServer } from "@musubi/server";
import { createValkeyPubSub } from "@musubi/server/valkey";
import { eventually } from "@musubi/testing";
import { Redis } from "iovalkey";
import { LongPoll, Socket } from "phoenix";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { refusalName } from "../../packages/server/src/channels/traffic.js";
import { type Deployment, PAGE, settingsIn } from "./support/deployment.js";
import { authToken, handshake, trustingWebSocket } from "./support/deployment-clients.js";
import { judgeConfiguration, writeFiles } from "./support/nginx.js";
import { readQuery, samplesIn } from "./support/prometheus.js";
import { selfSigned } from "./support/self-signed.js";
import { readSnippets } from "./support/snippets.js";
import { useDeployment } from "./support/use-deployment.js";

// What docs/deploy.md shows and claims, on the files that it shows: a real nginx, processes of Node, a Redis server.

const files = readSnippets(PAGE);
const file = (name: string): string => files.get(name) ?? "";

test("nginx takes the configuration literally as it stands", () => {
  const folder = mkdtempSync(join(tmpdir(), "musubi-nginx-"));
  try {
    const { key, certificate } = selfSigned("desk.example.com");
    writeFiles(folder, {
      "nginx.conf": file("nginx.conf"),
      "conf.d/desk.conf": file("conf.d/desk.conf"),
      "tls/desk.pem": certificate,
      "tls/desk.key": key,
    });
    expect(judgeConfiguration(folder)).toContain("syntax is ok");
    writeFiles(folder, { "conf.d/desk.conf": file("conf.d/desk.conf").replace("proxy_pass", "proxy_past") });
    expect(judgeConfiguration(folder)).toContain('unknown directive "proxy_past"');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe("a deployment", () => {
  const deployment = useDeployment("deploy", ["ada", "ben", "cy"]);
  const { closers, open } = deployment;
  let desk: Deployment;
  beforeAll(() => {
    desk = deployment.desk;
  });

  /** A request to nginx as it comes; its status and what it says. */
  function ask(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
    const { body, ...rest } = options;
    return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: desk.ports.tls, path, ...rest }, (response) => {
        let said = "";
        response.on("data", (text: Buffer) => (said += text.toString()));
        response.on("end", () => resolve({ status: response.statusCode, body: said }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  test("clients come through nginx by WebSocket and by long-poll, and see what the others do", async () => {
    const clients = [await open("ada"), await open("ben"), await open("cy", "longpoll")];
    for (const [at, { shared }] of clients.entries()) {
      await shared.dispatchCommand("rename", { title: `Fire ${at}` });
      for (const other of clients) await expect.poll(() => other.shared.snapshot()?.title).toBe(`Fire ${at}`);
    }
    const socketsOf = async (instance: number): Promise<number> =>
      Number(/^musubi_sockets (\d+)$/m.exec((await desk.operations(instance, "/metrics")).body)?.[1]);
    const counts = [await socketsOf(1), await socketsOf(2)];
    expect(Math.min(...counts)).toBeGreaterThan(0);
    // One session for the one who polls, though its requests went to both.
    expect(counts.reduce((sum, count) => sum + count)).toBe(3);
    for (let n = 0; n < 20; n++) await clients[2]?.own.dispatchCommand("rename", { title: `${n}` });
    const polled = desk.requests().filter(({ path }) => path === "/socket/longpoll");
    for (const method of ["GET", "POST"]) {
      const upstreams = polled.filter((each) => each.method === method).map(({ upstream }) => upstream);
      expect(new Set(upstreams)).toEqual(new Set([1, 2].map((n) => `127.0.0.1:${desk.ports.app[n as 1 | 2]}`)));
    }
  });

  test("phoenix.js alone comes through nginx, by both transports", async () => {
    for (const transport of [trustingWebSocket(desk), LongPoll]) {
      const socket = new Socket(desk.url, { transport, authToken: "token-of-dora" });
      closers.push(() => socket.disconnect());
      socket.connect();
      const channel = socket.channel("typing:t1");
      const answer = (push: ReturnType<typeof channel.push>): Promise<unknown> =>
        new Promise((resolve, reject) => push.receive("ok", resolve).receive("error", reject));
      await answer(channel.join());
      expect(await answer(channel.push("key", {}))).toEqual({ times: 1 });
    }
  });

  test("who is refused gets the status through nginx: 403, 413, 400, 404, 301", async () => {
    const origin = { origin: "https://desk.example.com" };
    expect(await handshake(desk.url, authToken("token-of-ada"), origin)).toBe(101);
    expect(await handshake(desk.url, authToken("token-of-ada"), { origin: "https://evil.example" })).toBe(403);
    expect(await handshake(desk.url, authToken("forged"), origin)).toBe(403);
    // As much of a token as a line of nginx takes, and more.
    expect(await handshake(desk.url, authToken(`token-of-${"a".repeat(5_900)}`))).toBe(101);
    expect(await handshake(desk.url, authToken(`token-of-${"a".repeat(6_500)}`))).toBe(400);
    // What a process is asked when nginx does not pass an upgrade on; and by who has no token.
    const offered = { "sec-websocket-protocol": authToken("token-of-ada").join(", ") };
    expect(await ask("/socket/websocket?vsn=2.0.0", { headers: offered })).toMatchObject({ status: 400 });
    expect(await ask("/socket/websocket")).toMatchObject({ status: 403 });
    expect(await ask("/metrics")).toMatchObject({ status: 404 });
    const plain = await fetch(`http://127.0.0.1:${desk.ports.plain}/x`, { redirect: "manual" });
    expect([plain.status, plain.headers.get("location")]).toEqual([301, "https://127.0.0.1/x"]);

    const posted = (bytes: number) => ask("/socket/longpoll?vsn=2.0.0", { method: "POST", body: "x".repeat(bytes) });
    expect(await posted(1024 * 1024)).toMatchObject({ status: 200, body: expect.stringContaining("410") as string });
    expect(await posted(1024 * 1024 + 1)).toMatchObject({ status: 413 });

    const told: string[] = [];
    const socket = new Socket(desk.url, {
      transport: LongPoll,
      authToken: "forged",
      reconnectAfterMs: () => 60_000,
    });
    closers.push(() => socket.disconnect());
    socket.onError((error: unknown) => void told.push(`error ${String(error)}`));
    socket.onClose(({ code }: { code: number }) => void told.push(`close ${code}`));
    socket.connect();
    await expect.poll(() => told).toEqual(["error 403", "close 1008"]);
  });

  test.each(["websocket", "longpoll"] as const)(
    "%s: what is too large fails its command, and the client goes on",
    async (transport) => {
      const client = await open("ada", transport);
      const tooLarge = client.own.dispatchCommand("rename", { title: "x".repeat(1024 * 1024) });
      await expect(tooLarge).rejects.toMatchObject({ kind: "interrupted", fate: "unknown" });
      await expect.poll(() => client.connection.status.current).toBe("ready");
      await expect(client.own.dispatchCommand("rename", { title: "short" })).resolves.toEqual({ title: "short" });
    },
  );

  test.each(["websocket", "longpoll"] as const)(
    "%s: files pass through nginx, by way of their folder",
    async (transport) => {
      const store = await (await open("ada", transport)).attachments();
      const content = new Uint8Array(2_000_000).map((_, at) => at % 251);
      await store.papers.select(new File([content], "lunch.pdf"));
      const uploading = store.papers.start();
      await eventually(() => desk.uploads().some((name) => /^p-[\w-]+\/(?!heartbeat)/.test(name)), "it is on its way");
      await uploading;
      await store.dispatchCommand("save");
      await expect.poll(() => store.snapshot()?.saved).toEqual(["lunch.pdf"]);
      await expect.poll(() => desk.uploads().filter((name) => !/^p-[\w-]+(\/heartbeat)?$/.test(name))).toEqual([]);
    },
  );

  test("a client's address is what nginx says, and no log has a token", async () => {
    const lies = { "x-real-ip": "10.6.6.6", "x-forwarded-for": "10.6.6.6" };
    expect(await handshake(desk.url, authToken("token-of-"), lies)).toBe(101);
    expect(await handshake(desk.url, authToken("forged"), lies)).toBe(403);
    await expect
      .poll(() =>
        desk
          .logs()
          .filter(({ msg }) => msg === "a client was refused")
          .at(-1),
      )
      .toMatchObject({
        address: "127.0.0.1",
      });
    const written = [
      readFileSync(join(desk.folder, "desk.log"), "utf8"),
      ...desk.allProcesses.flatMap(({ lines }) => lines),
    ].join("\n");
    expect(written).toContain("/socket/longpoll");
    expect(written).not.toMatch(/token|forged|10\.6\.6\.6/);
  });

  test("who has lost the right to be here is disconnected from all processes", async () => {
    const clients = [await open("ben"), await open("ben"), await open("ben"), await open("cy")];
    const drops = clients.map(() => 0);
    for (const [at, { connection }] of clients.entries()) {
      connection.status.subscribe(() => {
        if (connection.status.current === "reconnecting") drops[at] = 1;
      });
    }
    const pubsub = createValkeyPubSub(desk.valkeyUrl, { prefix: "desk:" });
    closers.push(() => pubsub.close());
    const musubi = createMusubiServer({ stores: [], pubsub, longPoll: false });
    await eventually(() => pubsub.inspect().isConnected, "it is connected");
    musubi.disconnect("user:ben");
    await expect.poll(() => drops).toEqual([1, 1, 1, 0]);
    for (const { connection } of clients) await expect.poll(() => connection.status.current).toBe("ready");
    await musubi.close();
  });

  test("Valkey's password changes while all go on", async () => {
    const { admin } = desk;
    /** A connection of nobody, and what it is answered when it says that it is the app. */
    const enter = async (password: string): Promise<[client: Redis, answer: string]> => {
      const client = new Redis(desk.redis.url, { enableReadyCheck: false });
      closers.push(() => client.disconnect());
      await expect(client.ping()).rejects.toThrow("NOAUTH");
      return [client, await client.auth("desk", password).catch((error: unknown) => (error as Error).message)];
    };
    const entering = async (password: string): Promise<string | undefined> => (await enter(password))[1].split(" ")[0];
    const connections = async (): Promise<number> =>
      String(await admin.client("LIST"))
        .split("\n")
        .filter((line) => line.includes(" user=desk ")).length;
    // Two of each process.
    expect(await connections()).toBe(4);
    await admin.call("ACL", "SETUSER", "desk", ">new");
    expect([await entering("change-me"), await entering("new")]).toEqual(["OK", "OK"]);
    await admin.call("ACL", "SETUSER", "desk", "<change-me");
    expect([await entering("change-me"), await entering("new")]).toEqual(["WRONGPASS", "OK"]);
    for (const instance of [1, 2]) {
      expect((await desk.operations(instance, "/metrics")).body).toContain("\ndesk_valkey_connected 1\n");
    }
    // It may do nothing but talk to its own.
    const [own] = await enter("new");
    expect(await own.publish("desk:x", "")).toBe(0);
    await expect(own.publish("other:x", "")).rejects.toThrow("NOPERM");
    await expect(own.get("desk:x")).rejects.toThrow("NOPERM");
    expect(await admin.config("GET", "client-output-buffer-limit")).toEqual([
      "client-output-buffer-limit",
      expect.stringContaining(`pubsub ${32 * 1024 ** 2} `) as string,
    ]);
  });

  test("what the page says of times and sizes fits together", () => {
    const conf = file("conf.d/desk.conf");
    const secondsOf = (directive: string): number => Number(new RegExp(`${directive} (\\d+)s;`).exec(conf)?.[1]);
    // phoenix.js's heartbeat, and the server's patience with a tenth of grace.
    for (const directive of ["proxy_read_timeout", "proxy_send_timeout", " send_timeout"]) {
      expect(secondsOf(directive)).toBeGreaterThan(66);
    }
    const main = file("main.ts");
    const keepAliveMs = Number(/keepAliveTimeout = ([\d_]+)/.exec(main)?.[1]?.replaceAll("_", ""));
    expect(keepAliveMs).toBeGreaterThan(secondsOf("keepalive_timeout") * 1_000);
    const deadlineMs = Number(/STOP_DEADLINE_MS = ([\d_]+)/.exec(main)?.[1]?.replaceAll("_", ""));
    interface Pod {
      readonly terminationGracePeriodSeconds: number;
      readonly containers: readonly [
        {
          readonly env: readonly { readonly name: string; readonly value: string }[];
          readonly readinessProbe: { readonly periodSeconds: number; readonly failureThreshold: number };
        },
      ];
    }
    const { spec: pod } = (parse(file("kubernetes.yaml")) as { spec: { template: { spec: Pod } } }).spec.template;
    const [{ env, readinessProbe }] = pod.containers;
    const delayMs = Number(env.find(({ name }) => name === "STOP_DELAY_MS")?.value);
    // The delay, two steps of five seconds, and Valkey's five.
    expect(deadlineMs).toBeGreaterThan(delayMs + 15_000);
    const unit = settingsIn(file("desk@.service"));
    for (const seconds of [Number(unit.get("TimeoutStopSec")), pod.terminationGracePeriodSeconds]) {
      expect(seconds * 1_000).toBeGreaterThan(deadlineMs);
    }
    expect(delayMs).toBeGreaterThan(readinessProbe.periodSeconds * readinessProbe.failureThreshold * 1_000);
    const [node, ...args] = (unit.get("ExecStart") ?? "").split(" ");
    expect(file("Dockerfile")).toContain(`CMD ${JSON.stringify(["node", ...args]).replaceAll(",", ", ")}`);
    expect(node).toBe("/usr/bin/node");
  });

  test("alerts ask in Prometheus' language for metrics, labels and codes that there are", async () => {
    const ada = await open("ada");
    await ada.own.dispatchCommand("rename", { title: "seen" });
    await handshake(desk.url, authToken("forged"));
    const pages = [await desk.operations(1, "/metrics"), await desk.operations(2, "/metrics")];
    const samples = samplesIn(pages.map(({ body }) => body).join("\n"));
    interface Rule {
      readonly alert: string;
      readonly expr: string;
      readonly for?: string;
      readonly annotations: { readonly summary: string };
    }
    const { groups } = parse(file("alerts.yml")) as { groups: { rules: Rule[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(10);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, expr, annotations, ...rest } of rules) {
      const { errors, metrics, labels, values } = readQuery(expr);
      expect(errors, alert).toEqual([]);
      // What Prometheus itself says of those whom it asks.
      expect(
        metrics.filter((name) => name !== "up" && !samples.has(name)),
        alert,
      ).toEqual([]);
      const known = new Set(["job", "instance", ...metrics.flatMap((name) => [...(samples.get(name) ?? [])])]);
      const shown = Array.from(annotations.summary.matchAll(/\$labels\.(\w+)/g), ([, label = ""]) => label);
      expect(
        [...labels, ...shown].filter((label) => !known.has(label)),
        alert,
      ).toEqual([]);
      const words = values.flatMap((value) => value.split("|")).filter((word) => !["desk", "mount"].includes(word));
      const isCode = (word: string): boolean =>
        /^http_(?:403|500|503)$/.test(word) || refusalName({ code: word }) === word;
      expect(
        words.filter((word) => !isCode(word)),
        alert,
      ).toEqual([]);
      expect(rest.for ?? "0s", alert).toMatch(/^\d+[sm]$/);
    }
    expect(readQuery("rate(musubi_sockets[5m]").errors).not.toEqual([]);
    expect(parse(file("prometheus.yml"))).toMatchObject({
      rule_files: ["alerts.yml"],
      scrape_configs: [{ job_name: "desk" }],
    });
  });

  // The last one: it ends them.
  test("processes that are stopped end with 0, and leave no file and no connection", async () => {
    await open("ada");
    await open("ben", "longpoll");
    // The folders of files that have been consumed.
    expect(desk.uploads().length).toBeGreaterThan(0);
    for (const instance of [1, 2]) expect(await desk.processes.get(instance)?.end("SIGTERM")).toBe(0);
    expect(desk.uploads()).toEqual([]);
    await expect.poll(async () => String(await desk.admin.client("LIST"))).not.toContain("user=desk");
  });
});
