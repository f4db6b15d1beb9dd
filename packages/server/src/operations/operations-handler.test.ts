import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, resolve } from "node:path";
import { eventually, FakeClock } from "@musubi/testing";
import Fastify from "fastify";
import { collectDefaultMetrics, Registry } from "prom-client";
import { afterEach, describe, expect, test } from "vitest";
import { createMusubiServer, type MusubiServer } from "../create-server.js";
import { LogRecorder } from "../stores/store-client.test.util.js";
import { get } from "../transport/raw-client.test.util.js";
import { type Operations, type OperationsOptions, operationsHandler } from "./operations-handler.js";

const undos: (() => unknown)[] = [];

afterEach(async () => {
  for (const undo of undos.splice(0).toReversed()) await undo();
});

async function start(options: OperationsOptions = {}) {
  const [clock, log] = [new FakeClock(), new LogRecorder()];
  const musubi: MusubiServer = createMusubiServer({ stores: [], logger: log });
  const operations: Operations = operationsHandler(musubi, { clock, logger: log, ...options });
  const http = createServer(operations.handler);
  await new Promise<void>((listening) => http.listen(0, "127.0.0.1", listening));
  undos.push(
    () => operations.close(),
    () => musubi.close(),
    () => new Promise((closed) => http.close(closed)),
  );
  const { port } = http.address() as AddressInfo;
  const ask = async (path: string, method = "GET"): Promise<[number, unknown]> => {
    const { status, body } = await get(port, path, { method });
    return [status, body === "" ? "" : JSON.parse(body)];
  };
  return { clock, log, musubi, operations, port, ask };
}

test("/healthz says that the process answers, whatever else is wrong", async () => {
  const { ask, musubi } = await start({ checks: { database: () => false } });
  expect(await ask("/healthz")).toEqual([200, { status: "ok" }]);
  expect(await ask("/healthz?verbose=1")).toEqual([200, { status: "ok" }]);
  await musubi.close();
  expect(await ask("/healthz")).toEqual([200, { status: "ok" }]);
});

test("other paths and methods are refused, and a HEAD gets no body", async () => {
  const { ask, port } = await start();
  expect(await ask("/")).toEqual([404, { status: "not_found" }]);
  expect(await ask("/healthz/more")).toEqual([404, { status: "not_found" }]);
  expect(await ask("/metrics", "POST")).toEqual([405, { status: "method_not_allowed" }]);
  expect(await get(port, "/readyz", { method: "HEAD" })).toEqual({ status: 200, body: "" });
});

describe("/readyz", () => {
  test("is ready while every check passes, and not once the server closes", async () => {
    const { ask, musubi, clock } = await start({
      checks: { database: async () => "anything", cache: () => undefined },
    });
    expect(await ask("/readyz")).toEqual([200, { status: "ready", checks: { database: "ok", cache: "ok" } }]);
    expect(clock.pending).toBe(0);
    const closed = musubi.close();
    expect(await ask("/readyz")).toEqual([503, { status: "closing", checks: { database: "ok", cache: "ok" } }]);
    await closed;
    expect((await ask("/readyz"))[0]).toBe(503);
  });

  test("says which check fails, and the log alone says why", async () => {
    const { ask, log } = await start({
      checks: {
        no: () => false,
        throws: () => {
          throw new Error("password is wrong");
        },
        rejects: () => Promise.reject(new Error("no route to 10.0.0.1")),
        works: () => 0,
      },
    });
    const checks = { no: "failed", throws: "failed", rejects: "failed", works: "ok" };
    expect(await ask("/readyz")).toEqual([503, { status: "not_ready", checks }]);
    expect(log.entries.map(({ level, details }) => `${level} ${(details as { check: string }).check}`).sort()).toEqual([
      "warn no",
      "warn rejects",
      "warn throws",
    ]);
  });

  test("a check that hangs has failed in time, its signal aborted; meanwhile all who ask share one run", async () => {
    const signals: AbortSignal[] = [];
    const { ask, clock } = await start({
      checks: { hangs: (signal) => new Promise(() => signals.push(signal)) },
      checkTimeoutMs: 1_000,
    });
    const asking = [ask("/readyz"), ask("/readyz"), ask("/readyz")];
    await eventually(() => clock.pending === 1);
    // Whoever comes late still joins the run.
    expect(await ask("/healthz")).toMatchObject([200, {}]);
    clock.advance(999);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    clock.advance(1);
    const failed = [503, { status: "not_ready", checks: { hangs: "failed" } }];
    expect(await Promise.all(asking)).toEqual([failed, failed, failed]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(clock.pending).toBe(0);
  });
});

describe("/metrics", () => {
  test("is Prometheus' text, of the app's registry where it gives one", async () => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    undos.push(() => registry.clear());
    const { port, operations } = await start({ registry });
    expect(operations.registry).toBe(registry);
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const text = await response.text();
    expect(text).toContain("\nmusubi_sockets 0\n");
    expect(text).toContain("\nprocess_resident_memory_bytes ");
  });

  test("looks at every root once, however many metrics there are, and anew each time", async () => {
    const { musubi } = await start();
    let looks = 0;
    const { registry, close } = operationsHandler({
      addHooks: (hooks) => musubi.addHooks(hooks),
      inspect() {
        looks += 1;
        return { ...musubi.inspect(), sockets: looks };
      },
    });
    undos.push(close);
    expect(await registry.metrics()).toContain("\nmusubi_sockets 1\n");
    expect(await registry.metrics()).toContain("\nmusubi_sockets 2\n");
    expect(looks).toBe(2);
  });

  test("tells what slow clients cost", async () => {
    const { musubi } = await start();
    const slowClients = { holding: 2, conflated: 30, remounted: 4 };
    const { registry, close } = operationsHandler({
      addHooks: (hooks) => musubi.addHooks(hooks),
      inspect: () => ({ ...musubi.inspect(), slowClients, traffic: { ...musubi.inspect().traffic, cuts: 5 } }),
    });
    undos.push(close);
    const text = await registry.metrics();
    for (const sample of ["holding_roots 2", "conflated_envelopes_total 30", "remounted_roots_total 4"]) {
      expect(text).toContain(`\nmusubi_${sample}\n`);
    }
    expect(text).toContain("\nmusubi_cut_sockets_total 5\n");
  });

  test("a metric of the app's that fails to read is a 500 without its cause", async () => {
    const { ask, operations, log } = await start();
    const { Gauge } = await import("prom-client");
    const broken = {
      name: "broken",
      help: "fails",
      registers: [operations.registry],
      collect() {
        throw new Error("secret");
      },
    };
    expect(new Gauge(broken)).toBeDefined();
    expect(await ask("/metrics")).toEqual([500, { status: "failed" }]);
    expect(log.causes).toEqual(["secret"]);
  });
});

test("in Fastify it is a plugin, under a prefix or not", async () => {
  const { operations } = await start({ checks: { database: () => false } });
  const warnings: string[] = [];
  const app = Fastify({ logger: { level: "warn", stream: { write: (line) => void warnings.push(line) } } });
  undos.push(() => app.close());
  await app.register(operations.plugin, { prefix: "/internal" });
  const address = await app.listen({ port: 0, host: "127.0.0.1" });
  const status = async (path: string, method = "GET") => (await fetch(address + path, { method })).status;
  expect(await status("/internal/healthz")).toBe(200);
  expect(await status("/internal/readyz?x=1")).toBe(503);
  expect(await status("/internal/metrics", "HEAD")).toBe(200);
  expect(await (await fetch(`${address}/internal/metrics`)).text()).toContain("musubi_sockets 0");
  expect([await status("/healthz"), await status("/internal/metrics", "POST")]).toEqual([404, 404]);
  expect(warnings).toEqual([]);
});

/** What a source file imports, and what that imports: files of this package, and other packages. */
function importsOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, from = ""] of readFileSync(file, "utf8").matchAll(
    /^(?:import|export) (?!type ).*?from "([^"]+)";$/gms,
  )) {
    if (from.startsWith(".")) importsOf(resolve(dirname(file), from.replace(/js$/, "ts")), seen);
    else seen.add(from);
  }
  return seen;
}

test("nothing but this entry loads prom-client and OpenTelemetry, and it loads no Fastify", () => {
  const source = resolve(import.meta.dirname, "..");
  const peers = (entry: string): string[] =>
    [...importsOf(`${source}/${entry}`)]
      .filter((each) => /^(prom-client|@opentelemetry\/api|fastify)$/.test(each))
      .sort();
  expect(peers("index.ts")).toEqual([]);
  expect(peers("fastify.ts")).toEqual([]);
  expect(peers("operations/operations-handler.ts")).toEqual(["@opentelemetry/api", "prom-client"]);
});
