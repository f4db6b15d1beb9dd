/** A scenario that failed: which step, the steps so far, and what passed on the wire. */
export class ScenarioError extends Error {
  /** Number of the step that failed, from 1; one more than there are when the end failed. */
  readonly step: number;

  constructor(facts: { name: string; steps: readonly string[]; step: number; wire: string; cause: unknown }) {
    const { name, steps, step, wire, cause } = facts;
    const current = steps[step - 1] ?? "the end: the client disconnects, and nothing is left";
    const why = cause instanceof Error ? cause.message : String(cause);
    const done = steps.slice(0, step - 1).map((text, at) => `  ${String(at + 1).padStart(2)}. ${text}`);
    super(
      [
        `scenario "${name}" failed at step ${step} of ${steps.length}: ${current}`,
        why,
        "steps:",
        ...done,
        `> ${String(step).padStart(2)}. ${current}`,
        "wire:",
        wire === "" ? "    nothing" : wire,
      ].join("\n"),
      { cause },
    );
    this.name = "ScenarioError";
    this.step = step;
  }
}
