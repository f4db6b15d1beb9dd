import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "vitest";
import { recording, recordingNames } from "./fixtures.js";

const PAGE = resolve(import.meta.dirname, "../../../docs/phoenix-compatibility.md");
const IS_WRITING = process.env["WRITE_PHOENIX_COMPATIBILITY"] !== undefined;

const INTRO = `# Compatibility with Phoenix

What a client of \`@musubi/server\` sees, next to what one of Phoenix 1.8.12 on Bandit saw when it was recorded: every
recording in \`tests/interop/fixtures/phoenix\`, and what became of it here. [FRAMES.md](../tests/interop/fixtures/phoenix/FRAMES.md)
there says what is in them. This page is written by \`npm run phoenix-compatibility\` from what the tests in
\`tests/interop\` saw: they send what the recorded client sent to a real server over real sockets and HTTP, and compare
all that comes back; a test fails when the page says anything else.

- **equal**: the same frames, close codes, statuses and headers in the same order. The order of keys in an object, the
  session tokens and the texts of HTTP errors are no part of the protocol.
- **equal, but**: the same, except for what is named.
- **other**: another behaviour on purpose, which has a test of its own.
- **not repeated**: why not.

How messages spread over polls is a matter of time in Phoenix; here those of one tick travel together. Answers that
Phoenix holds back until a window of its processes is over are given at once where there is nothing to wait for. An
HTTP 500 or 503 of a poll has no body: phoenix.js tries again upon that, and hangs upon Phoenix's own.
`;

interface Row {
  readonly what: string;
  readonly result: string;
  readonly by: string;
}

/** What the tests of one file have seen of the recordings, for docs/phoenix-compatibility.md. */
export class CompatibilityRecord {
  readonly #by: string;
  readonly #rows = new Map<string, Row>();

  /** `by` is the name of the test file. */
  constructor(by: string) {
    this.#by = by;
  }

  /** Notes what has become of a recording, once that has been seen. */
  saw(scenario: string, result: string): void {
    this.#rows.set(scenario, { what: recording(scenario).what, result, by: `\`${this.#by}\`` });
  }

  /** Fails when the page says anything else of these recordings; writes it instead when it is asked to. */
  checkPage(): void {
    const page = readFileSync(PAGE, "utf8");
    const own = `\`${this.#by}\``;
    const others = [...rowsOf(page)].filter(([, { by }]) => by !== own);
    const right = render(new Map([...others, ...this.#rows]));
    if (IS_WRITING) writeFileSync(PAGE, right);
    else expect(page, "npm run phoenix-compatibility writes the page").toBe(right);
  }
}

function render(rows: ReadonlyMap<string, Row>): string {
  const names = recordingNames();
  const lines = names.map((name) => {
    const { what, result, by } = rows.get(name) ?? { what: recording(name).what, result: "?", by: "?" };
    return lineOf([`\`${name}\``, what.replaceAll("|", "\\|"), result, by]);
  });
  const count = (prefix: string): number =>
    names.filter((name) => (rows.get(name)?.result ?? "?").startsWith(prefix)).length;
  const counts = [
    `${names.length} recordings: ${count("equal") - count("equal, but")} equal, ${count("equal, but")} equal but for`,
    `what is named, ${count("other")} other, ${count("not repeated")} not repeated.`,
  ].join(" ");
  const head = ["recording", "what was recorded", "here", "test"];
  return [INTRO, counts, "", lineOf(head), lineOf(head.map(() => "---")), ...lines, ""].join("\n");
}

function rowsOf(page: string): ReadonlyMap<string, Row> {
  const rows = new Map<string, Row>();
  for (const line of page.split("\n").filter((one) => one.startsWith("| `"))) {
    const [name = "", what = "", result = "", by = ""] = line.slice(2, -2).split(/(?<!\\) \| /);
    rows.set(name.slice(1, -1), { what, result, by });
  }
  return rows;
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
