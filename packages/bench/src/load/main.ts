/**
 * What the server carries, against raw TCP writes, ws, Socket.IO and Colyseus (docs/load.md). Run with `--help`.
 */
import { rowsOf } from "./figure.js";
import { readOptions, USAGE } from "./load-options.js";
import { measureLoad } from "./measure-load.js";
import { tablesOf } from "./tables.js";

/** Exit code of a run that was asked for wrongly. */
const WRONG_USE = 2;

async function main(): Promise<void> {
  const options = orWrongUse(() => readOptions(process.argv.slice(2)));
  if (options === undefined) return;
  if (options === null) {
    process.stdout.write(USAGE);
    return;
  }
  const from = performance.now();
  const tell = (text: string): void => {
    process.stderr.write(`${((performance.now() - from) / 1e3).toFixed(0).padStart(4)} s  ${text}\n`);
  };
  try {
    const figures = await measureLoad(options, tell);
    process.stdout.write(options.json ? `${JSON.stringify(figures.flatMap(rowsOf))}\n` : `\n${tablesOf(figures)}`);
    tell("done");
  } catch (cause) {
    tell(`failed: ${messageOf(cause)}`);
    process.exitCode = 1;
  }
}

function orWrongUse<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (cause) {
    process.stderr.write(`${messageOf(cause)}\n--help tells what there is.\n`);
    process.exitCode = WRONG_USE;
    return undefined;
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

await main();
