import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One recorded frame; FRAMES.md ("File format") says what the members mean. */
export interface RecordedFrame {
  readonly t?: number;
  readonly conn?: string;
  readonly dir: "out" | "in" | "-";
  readonly type: string;
  readonly data?: string;
  readonly hex?: string;
  readonly note?: string;
  readonly clipped?: boolean;
  readonly length?: number;
  readonly code?: number;
  readonly reason?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly ms?: number;
}

export interface Recording {
  readonly scenario: string;
  readonly what: string;
  readonly frames: readonly RecordedFrame[];
  readonly orders?: readonly { readonly times: number; readonly in: readonly string[] }[];
}

const tracked = fileURLToPath(new URL("../fixtures/phoenix/", import.meta.url));
// Where the recordings come from, on machines that have them: a new one there must not go unnoticed here.
const shared = fileURLToPath(new URL("../../../../shared/fixtures/phoenix/", import.meta.url));

/** The names of all recordings. */
export function recordingNames(): readonly string[] {
  const folders = [tracked, shared].filter((folder) => existsSync(folder));
  const files = folders.flatMap((folder) => readdirSync(folder)).filter((file) => file.endsWith(".json"));
  return [...new Set(files)].map((file) => file.slice(0, -".json".length)).toSorted();
}

export function recording(name: string): Recording {
  return JSON.parse(readFileSync(`${tracked}${name}.json`, "utf8")) as Recording;
}

/** The bytes of a frame whose recording was cut: its last character or byte goes on up to what closes the JSON. */
export function unclip(frame: RecordedFrame): { readonly text?: string; readonly bytes?: Buffer } {
  if (frame.data !== undefined) {
    if (frame.clipped !== true) return { text: frame.data };
    const head = frame.data.slice(0, -1);
    const isFragment = frame.note !== undefined && frame.note.includes("FIN=0");
    const tail = isFragment ? "" : frame.dir === "in" ? '"},"status":"ok"}]' : '"}]';
    const filler = (head.at(-1) ?? "").repeat((frame.length ?? 0) - head.length - tail.length);
    return { text: head + filler + tail };
  }
  const hex = frame.hex ?? "";
  if (frame.clipped !== true) return { bytes: Buffer.from(hex, "hex") };
  const head = hex.slice(0, -1);
  return { bytes: Buffer.from(head.padEnd((frame.length ?? 0) * 2, head.slice(-2)), "hex") };
}
