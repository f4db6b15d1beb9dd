import type { Clock } from "@musubi/protocol";

/** What the server does with a file: it travels as the file's media type. */
export type FileMood =
  | "ok"
  | "slow"
  | "refuse"
  | "external"
  | "external_failing"
  | "reject_chunk"
  | "unreadable"
  | "silent"
  | "poison"
  | "late_answer";

/** A file of an application, read without real I/O so that a seed gives one run. Passed where a `File` is taken. */
export class SimFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: readonly number[];

  readonly #clock: Clock;

  constructor(name: string, mood: FileMood, size: number, clock: Clock) {
    this.#clock = clock;
    this.name = name;
    this.type = `mood/${mood}`;
    this.bytes = Array.from({ length: size }, (_, index) => (index * 7 + size) % 251);
  }

  get size(): number {
    return this.bytes.length;
  }

  slice(from: number, to: number): { arrayBuffer(): Promise<ArrayBuffer> } {
    return {
      arrayBuffer: async () => {
        if (this.type === "mood/slow") await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, 15));
        if (this.type === "mood/unreadable" && from > 0) throw new Error("the disk is gone");
        return Uint8Array.from(this.bytes.slice(from, to)).buffer;
      },
    };
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.slice(0, this.size).arrayBuffer();
  }
}

/** What phoenix.js would send as bytes, as text that the model server can read. */
export function encodeAsText(message: object, callback: (data: string) => void): void {
  const { join_ref, ref, topic, event, payload } = message as Record<string, unknown>;
  const isBytes = payload instanceof ArrayBuffer;
  const readable = isBytes ? { bytes: Array.from(new Uint8Array(payload)) } : payload;
  callback(JSON.stringify([join_ref, ref, topic, event, readable]));
}
