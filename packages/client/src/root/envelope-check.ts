import type { Envelope } from "@musubi/protocol";

/** What an envelope is to a root at some version (protocol.md section 3, the table). */
export type EnvelopeVerdict = "initial" | "next" | "duplicate" | "gap";

/** Whether the envelope begins a root: 0 to 1, with one op that replaces the whole tree. */
export function isInitial(envelope: Envelope): boolean {
  const [op] = envelope.ops;
  return (
    envelope.base_version === 0 &&
    envelope.version === 1 &&
    envelope.ops.length === 1 &&
    op?.op === "replace" &&
    op.path === ""
  );
}

/** Reads an envelope for a live root at `version`. */
export function judgeEnvelope(envelope: Envelope, version: number): EnvelopeVerdict {
  if (envelope.base_version === version && envelope.version === version + 1) return "next";
  if (isInitial(envelope)) return "initial";
  const startsAtZero = envelope.base_version === 0 && envelope.version === 1;
  return envelope.version <= version && !startsAtZero ? "duplicate" : "gap";
}
