import type { ChildProcess } from "node:child_process";

const signals = new Map<ChildProcess, NodeJS.Signals>();

process.once("exit", () => {
  for (const [child, signal] of signals) child.kill(signal);
});

/** Ends a process with that of the tests, should those end without having done so. */
export function endWithTests(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): void {
  signals.set(child, signal);
  child.once("exit", () => signals.delete(child));
}
