import { parseArgs } from "node:util";

/** What a run is asked for. */
export interface LoadOptions {
  readonly clients: number;
  readonly roots: number;
  /** Messages per second while latency is measured. */
  readonly rate: number;
  /** Time for each case and subject. */
  readonly seconds: number;
  readonly json: boolean;
}

export const USAGE = `Measures @musubi/server against raw TCP writes, ws, Socket.IO and Colyseus over real sockets on this machine.

  pnpm -s load [--clients 1000] [--roots 1000] [--rate 5000] [--seconds 2] [--json]

  --clients N   sockets of each subject (1 to 20000)
  --roots R     mounted roots of @musubi/server, spread over the clients (1 to 200000)
  --rate U      messages per second while latency is measured (1 to 1000000)
  --seconds S   time for each case and each subject (0.1 to 600); there are about 40 of these
  --json        one JSON array of rows on stdout in place of the tables
  --help        this text

docs/load.md says what each figure is. Progress goes to stderr.
`;

/** Reads the arguments; `null` when help is wanted. Throws an error with a message for people. */
export function readOptions(argv: readonly string[]): LoadOptions | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      clients: { type: "string", default: "1000" },
      roots: { type: "string", default: "1000" },
      rate: { type: "string", default: "5000" },
      seconds: { type: "string", default: "2" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const options = {
    clients: wholeNumber("clients", values.clients, 20_000),
    roots: wholeNumber("roots", values.roots, 200_000),
    rate: wholeNumber("rate", values.rate, 1_000_000),
    seconds: numberOf("seconds", values.seconds, 0.1, 600),
    json: values.json,
  };
  checkOpenFiles(options.clients);
  return options;
}

function wholeNumber(name: string, text: string, most: number): number {
  const value = numberOf(name, text, 1, most);
  if (!Number.isInteger(value)) throw new Error(`--${name} has to be a whole number, not "${text}".`);
  return value;
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new Error(`--${name} has to be a number from ${least} to ${most}, not "${text}".`);
  }
  return value;
}

/** Files that a process has open besides its sockets. */
const OTHER_FILES = 64;

function checkOpenFiles(clients: number): void {
  const { report } = process;
  if (report === undefined) return;
  const { userLimits } = report.getReport() as { userLimits?: { open_files?: { hard: number | "unlimited" } } };
  const limit = Number(userLimits?.open_files?.hard);
  if (clients + OTHER_FILES > limit) {
    throw new Error(`--clients ${clients} needs more open files than this system's limit of ${limit} (ulimit -n).`);
  }
}
