import { ERROR_CODES } from "@musubi/protocol";
import type { Outgoing } from "./outgoing.js";

/** What an endpoint has sent and refused since it was created. */
export interface Traffic {
  /** Replies, pushes and broadcasts, each counted once per socket. */
  readonly messages: number;
  /** Of these, framed, before any compression. */
  readonly bytes: number;
  /** Sockets that were cut because more waited for their clients than `maxUnsentBytes`. */
  readonly cuts: number;
  /**
   * Error replies by their code, and refused handshakes as `http_403` and the like. A reason of the app's own counts as
   * `app`, so that no client can make up names.
   */
  readonly refusals: Readonly<Record<string, number>>;
}

/** Refusals of channels and sockets that phoenix.js users know by Phoenix's words. */
const PHOENIX_REASONS: ReadonlySet<unknown> = new Set([
  "unmatched topic",
  "join crashed",
  "too many channels joined",
  "rate_limited",
]);

/** Counts {@link Traffic}. */
export class TrafficMeter implements Traffic {
  messages = 0;
  bytes = 0;
  cuts = 0;
  readonly refusals: Record<string, number> = {};

  sent({ data, wire, refusal }: Outgoing): void {
    this.messages += 1;
    this.bytes += wire?.length ?? Buffer.byteLength(data);
    if (refusal !== undefined) this.refused(refusal);
  }

  cut(): void {
    this.cuts += 1;
  }

  refused(name: string): void {
    this.refusals[name] = (this.refusals[name] ?? 0) + 1;
  }
}

/** What an error reply is counted as. */
export function refusalName(response: unknown): string {
  const { code, reason } = (typeof response === "object" && response !== null ? response : {}) as Record<
    string,
    unknown
  >;
  const name = code ?? reason;
  if (PHOENIX_REASONS.has(name)) return String(name).replaceAll(" ", "_");
  return typeof name === "string" && Object.hasOwn(ERROR_CODES, name) ? name : "app";
}
