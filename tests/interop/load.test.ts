import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const REPO = `${import.meta.dirname}/../..`;
const run = promisify(execFile);

interface Failure {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as people run it. */
function load(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return run("npm", ["run", "--silent", "load", "--", ...args], { cwd: REPO });
}

const SENDERS = ["raw-tcp", "ws", "ours", "socket.io", "colyseus"];
const PEERS = ["ws", "socket.io", "colyseus"];

/** Ours against all others, and all others against the reference. */
function pairsOf(subjects: readonly string[], reference: string): string[] {
  return subjects.flatMap((subject) =>
    subjects
      .filter((against) => against !== subject && (against === reference || subject === "ours"))
      .map((against) => `${subject}/${against}`),
  );
}

test("a small run of everything prints one array of rows", async () => {
  const args = ["--clients", "20", "--roots", "30", "--rate", "500", "--seconds", "0.1", "--json"];
  const { stdout, stderr } = await load(...args);
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  const rows = JSON.parse(stdout) as readonly Record<string, unknown>[];
  for (const row of rows) {
    expect(row).toEqual({
      bench: "load",
      case: expect.any(String),
      size: /^(root|stores)/.test(String(row["case"])) ? 30 : 20,
      subject: expect.any(String),
      reference: expect.any(String),
      ratio: expect.any(Number),
      spread: [expect.any(Number), expect.any(Number)],
      n: expect.any(Number),
      unit: unitOf(String(row["case"])),
      value: expect.any(Number),
    });
  }
  const flatOut = ["broadcast", "broadcast-burst", "addressed", "addressed-burst"];
  const latencies = [
    "broadcast-latency-p50",
    "broadcast-latency-p99",
    "addressed-latency-p50",
    "addressed-latency-p99",
  ];
  const expected = new Map([
    ["idle-socket", pairsOf(SENDERS, "ws")],
    ["joined-socket", ["ours/ws"]],
    ["root", ["ours/ws"]],
    ...flatOut.flatMap((name) =>
      ["", "-cpu", "-bytes"].map((part): [string, string[]] => [name + part, pairsOf(SENDERS, "raw-tcp")]),
    ),
    ...latencies.map((name): [string, string[]] => [name, pairsOf(SENDERS, "raw-tcp")]),
    ...["", "-cpu", "-bytes", "-latency-p50", "-latency-p99"].map((part): [string, string[]] => [
      `stores${part}`,
      ["ours/raw-tcp"],
    ]),
  ]);
  const seen = new Map<string, string[]>();
  for (const row of rows) {
    const name = String(row["case"]);
    seen.set(name, [...(seen.get(name) ?? []), `${String(row["subject"])}/${String(row["reference"])}`]);
  }
  expect(seen).toEqual(expected);
  // Sockets really carried this: sizes are exact whatever the machine does.
  const bytes = (name: string, subject: string): unknown =>
    rows.find((row) => row["case"] === name && row["subject"] === subject)?.["value"];
  expect(bytes("broadcast-bytes", "ws")).toBe(204);
  expect(PEERS.map((peer) => Number(bytes("addressed-bytes", peer)) > 200)).toEqual([true, true, true]);
  expect(bytes("broadcast-bytes", "ours")).toBe(236);
  for (const what of ["connecting 20 clients: colyseus", "addressed-burst: ", "done"]) expect(stderr).toContain(what);
});

function unitOf(name: string): string {
  if (/-(p50|p99|cpu)$/.test(name)) return "microseconds";
  return /^(idle-socket|joined-socket|root)$|-bytes$/.test(name) ? "bytes" : "per_second";
}

test("--help says what there is", async () => {
  const { stdout } = await load("--help");
  for (const option of ["--clients", "--roots", "--rate", "--seconds", "--json"]) expect(stdout).toContain(option);
});

test.each([
  [["--clients", "none"], '--clients has to be a number from 1 to 20000, not "none".'],
  [["--everything"], "--everything"],
])("%j end the command with a reason and nothing on stdout", async (args, reason) => {
  const failure = (await load(...args).catch((cause: unknown) => cause)) as Failure;
  expect([failure.code, failure.stdout]).toEqual([2, ""]);
  expect(failure.stderr).toContain(reason);
});
