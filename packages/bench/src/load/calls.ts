import { type ChildProcess, fork } from "node:child_process";

/** What a process can be asked for: functions of one argument, by name. */
export type Calls = Readonly<Record<string, (argument: never) => unknown>>;

interface Request {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

function send(answer: Answer): void {
  process.send?.(answer);
}

/** In a child: answers what its parent asks, and ends with it. */
export function answerCalls(calls: Calls): void {
  process.on("disconnect", () => process.exit());
  process.on("message", (message) => {
    const { id, name, argument } = message as Request;
    const answer = async (): Promise<void> => {
      try {
        send({ id, result: await calls[name]?.(argument as never) });
      } catch (cause) {
        send({ id, error: cause instanceof Error ? cause.message : String(cause) });
      }
    };
    void answer();
  });
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (cause: Error) => void;
}

type Argument<Call> = Call extends (argument: infer Taken) => unknown ? Taken : never;
type Result<Call> = Call extends (argument: never) => infer Given ? Awaited<Given> : never;

/** A child process that answers `C`; whatever it cannot answer rejects, and so does everything once it has ended. */
export class CalledProcess<C extends Calls> {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #end: Error | undefined;

  /** Runs a module that calls {@link answerCalls}; `name` is for messages. */
  constructor(name: string, module: URL) {
    this.#name = name;
    this.#child = fork(module, {
      // The parent's own flags too: `node --cpu-prof` leaves a profile of each process.
      execArgv: ["--expose-gc", ...process.execArgv],
      env: { ...process.env, NODE_ENV: "production" },
      // The rows have stdout for themselves.
      stdio: ["ignore", 2, 2, "ipc"],
    });
    this.#child.on("message", (message) => this.#hear(message as Answer));
    this.#child.on("error", (cause) => this.#ended(cause));
    this.#child.on("exit", (code, signal) => this.#ended(new Error(`${name} ended early: ${signal ?? code}`)));
  }

  call<Name extends keyof C & string>(name: Name, argument: Argument<C[Name]>): Promise<Result<C[Name]>> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) {
        reject(this.#end);
        return;
      }
      this.#lastId += 1;
      const request: Request = { id: this.#lastId, name, argument };
      this.#waiting.set(request.id, { resolve: (result) => resolve(result as Result<C[Name]>), reject });
      this.#child.send(request);
    });
  }

  /** Ends it. */
  stop(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #hear({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(`${this.#name}: ${error}`));
  }

  #ended(cause: Error): void {
    this.#end ??= cause;
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }
}
