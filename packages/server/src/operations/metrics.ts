import { ERROR_CODES } from "@musubi/protocol";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ServerInspection } from "../create-server.js";
import type { MessageReport, ServerHooks } from "../stores/hooks.js";
import type { RootInspection } from "../stores/root-options.js";

/** Upper bounds in seconds: from what a small render takes to a handler's default timeout. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The client's words: their names are not in any store, and must not become labels. */
const NOBODYS_NAMES: ReadonlySet<unknown> = new Set(["unknown_command", "unknown_store"]);

/** Names of commands that become labels; a series of each outcome is kept of every one, for ever. */
const MAX_NAMES = 1_000;

/**
 * Registers a server's metrics, all called `musubi_...`; the hooks feed those that count messages, the rest is read
 * when asked for. Labels are modules, names of commands, kinds and codes, all of the app's or ours: never ids.
 */
export function serverMetrics(registry: Registry, inspect: () => ServerInspection): ServerHooks {
  const registers = [registry];
  // All metrics are read in one go, so that one look at every root serves them all.
  let held: ServerInspection | null = null;
  const look = (): ServerInspection => {
    if (held === null) queueMicrotask(() => (held = null));
    held ??= inspect();
    return held;
  };

  const gauge = (name: string, help: string, read: (now: ServerInspection) => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers, collect: () => metric.set(read(look())) });
  };
  gauge("musubi_sockets", "Open sockets", ({ sockets }) => sockets);
  gauge("musubi_channels", "Joined channels", ({ channels }) => channels);
  gauge("musubi_holding_roots", "Roots that hold back what they change", ({ slowClients }) => slowClients.holding);
  gauge("musubi_upload_files", "Files announced and not gone", ({ uploads }) => uploads.files);
  gauge("musubi_upload_bytes", "Bytes that these files may have on this server", ({ uploads }) => uploads.bytes);

  const byModule = (name: string, help: string, merge: (sum: number, root: RootInspection) => number): void => {
    const metric: Gauge<"module"> = new Gauge({
      name,
      help,
      registers,
      labelNames: ["module"],
      collect() {
        const sums = new Map<string, number>();
        for (const root of look().roots) sums.set(root.module, merge(sums.get(root.module) ?? 0, root));
        metric.reset();
        for (const [module, sum] of sums) metric.set({ module }, sum);
      },
    });
  };
  byModule("musubi_roots", "Mounted roots", (sum) => sum + 1);
  byModule("musubi_stores", "Stores in mounted roots", (sum, { stores }) => sum + stores);
  byModule("musubi_mailbox_messages", "Messages that wait for their root", (sum, { waiting }) => sum + waiting);
  byModule("musubi_mailbox_depth", "Messages that wait for the root with the most", (most, { waiting }) =>
    Math.max(most, waiting),
  );
  byModule("musubi_async_work", "Pieces of async work that run or wait", (sum, root) => sum + root.async);

  const total = (name: string, help: string, read: (now: ServerInspection) => number): void => {
    const metric: Counter = new Counter({
      name,
      help,
      registers,
      collect() {
        metric.reset();
        metric.inc(read(look()));
      },
    });
  };
  total("musubi_sent_messages_total", "Messages sent to clients", ({ traffic }) => traffic.messages);
  total("musubi_sent_bytes_total", "Bytes of these", ({ traffic }) => traffic.bytes);
  total(
    "musubi_conflated_envelopes_total",
    "Envelopes that stood for all that had been held back",
    ({ slowClients }) => slowClients.conflated,
  );
  total(
    "musubi_remounted_roots_total",
    "Roots mounted again for slow clients",
    ({ slowClients }) => slowClients.remounted,
  );
  total("musubi_cut_sockets_total", "Sockets cut because their clients did not read", ({ traffic }) => traffic.cuts);
  const refusals: Counter<"code"> = new Counter({
    name: "musubi_refusals_total",
    help: "Error replies and refused handshakes",
    registers,
    labelNames: ["code"],
    collect() {
      refusals.reset();
      for (const [code, count] of Object.entries(look().traffic.refusals)) refusals.inc({ code }, count);
    },
  });

  const envelopes = new Counter({
    name: "musubi_envelopes_total",
    help: "Envelopes sent to clients",
    registers,
    labelNames: ["module"],
  });
  const commands = new Histogram({
    name: "musubi_command_seconds",
    help: "Commands, from their turn in the mailbox to their end",
    registers,
    labelNames: ["module", "name", "outcome"],
    buckets: SECONDS,
  });
  const messages = new Histogram({
    name: "musubi_message_seconds",
    help: "Mounts and all other messages of roots, from their turn in the mailbox to their end",
    registers,
    labelNames: ["kind", "module", "outcome"],
    buckets: SECONDS,
  });
  const renders = new Histogram({
    name: "musubi_render_seconds",
    help: "Rendering in messages that rendered",
    registers,
    labelNames: ["module"],
    buckets: SECONDS,
  });
  const names = new Set<string>();
  /** Whoever reports them, and whatever comes of names that clients make up. */
  const bounded = (name: string): string => {
    if (names.size < MAX_NAMES) names.add(name);
    return names.has(name) ? name : "other";
  };
  return {
    afterMessage(report) {
      const { kind, module, name, durationMs, renderMs, isSent } = report;
      const outcome = outcomeOf(report);
      if (kind === "command") {
        const known = NOBODYS_NAMES.has(outcome) ? "unknown" : bounded(name ?? "");
        commands.observe({ module, name: known, outcome }, durationMs / 1000);
      } else {
        messages.observe({ kind, module, outcome }, durationMs / 1000);
      }
      if (renderMs > 0) renders.observe({ module }, renderMs / 1000);
      if (isSent) envelopes.inc({ module });
    },
  };
}

/** `ok`, a code of ours, or `rejected` for whatever reason the app has given. */
function outcomeOf({ status, response }: MessageReport): string {
  if (status === "ok") return "ok";
  const { code } = response;
  return typeof code === "string" && Object.hasOwn(ERROR_CODES, code) ? code : "rejected";
}
