import type { CommandOptions } from "@musubi/client";

/** How a command of a scenario ended. */
export type CommandEnd =
  | { readonly status: "pending" }
  | { readonly status: "resolved"; readonly reply: unknown }
  | { readonly status: "rejected"; readonly error: unknown };

/** Anything that commands can be sent to. */
export interface Dispatcher {
  dispatchCommand(name: string, payload?: unknown, options?: CommandOptions): Promise<unknown>;
}

/** The commands and other waits of a scenario, by label. */
export class StageCommands {
  readonly #ends = new Map<string, CommandEnd>();
  readonly #onDispatch: () => void;

  constructor(onDispatch: () => void) {
    this.#onDispatch = onDispatch;
  }

  /** Labels of those without an outcome. */
  get pending(): string[] {
    return Array.from(this.#ends)
      .filter(([, end]) => end.status === "pending")
      .map(([label]) => `"${label}"`);
  }

  dispatch(to: Dispatcher, label: string, name: string, payload: unknown, options?: CommandOptions): void {
    this.#onDispatch();
    this.follow(label, to.dispatchCommand(name, payload, options));
  }

  /** Keeps what becomes of a promise. A label that has ended may be used again. */
  follow(label: string, promise: Promise<unknown>): void {
    if (this.#ends.get(label)?.status === "pending") {
      throw new Error(`"${label}" is still on its way: give this one another label with { as }`);
    }
    this.#ends.set(label, { status: "pending" });
    promise.then(
      (reply) => this.#ends.set(label, { status: "resolved", reply }),
      (error: unknown) => this.#ends.set(label, { status: "rejected", error }),
    );
  }

  end(label: string): CommandEnd {
    const end = this.#ends.get(label);
    if (end === undefined) throw new Error(`nothing is called "${label}" in the steps so far`);
    return end;
  }
}
