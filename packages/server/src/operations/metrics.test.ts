import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { MessageReport } from "../stores/hooks.js";
import { serverMetrics } from "./metrics.js";

const REPORT: MessageReport = {
  kind: "command",
  name: "add",
  module: "Counter",
  rootId: "Counter:1",
  storeId: [],
  user: undefined,
  status: "ok",
  response: {},
  cause: null,
  isSent: false,
  durationMs: 1,
  renderMs: 0,
};

test("no more than a thousand names become labels, whoever makes them up; what was known before stays known", async () => {
  const registry = new Registry();
  const hooks = serverMetrics(registry, () => {
    throw new Error("is not asked for");
  });
  for (let n = 0; n < 3_000; n++) hooks.afterMessage?.({ ...REPORT, name: `made up ${n}` });
  hooks.afterMessage?.({ ...REPORT, name: "made up 7" });
  const unknown = { reason: "unknown_command", code: "unknown_command" };
  for (let n = 0; n < 3_000; n++) hooks.afterMessage?.({ ...REPORT, name: `${n}`, status: "error", response: unknown });
  const { values = [] } = (await registry.getSingleMetric("musubi_command_seconds")?.get()) ?? {};
  const counts = values.filter(({ labels }) => Object.keys(labels).length === 3);
  const of = (name: string): number[] => [
    ...new Set(counts.filter(({ labels }) => labels["name"] === name).map(({ value }) => value)),
  ];
  expect(new Set(counts.map(({ labels }) => labels["name"])).size).toBe(1_002);
  expect(of("made up 7")).toContain(2);
  expect(of("other")).toContain(2_000);
  expect(of("unknown")).toContain(3_000);
});
