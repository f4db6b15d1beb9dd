import type { Envelope } from "@musubi/protocol";

/** What an envelope is to a root (protocol.md section 3, the table). */
export type EnvelopeVerdict = "initial" | "next" | "duplicate" | "gap";

/**
 * Reads an envelope for a root that is live at version `at`, or, without one, has yet to get its initial envelope: the
 * one from 0 to 1 with one op that replaces the whole tree.
 */
export function judgeEnvelope({ base_version, version, ops }: Envelope, at: number | undefined): EnvelopeVerdict {
  if (base_version === at && version === at + 1) return "next";
  const isFirst = base_version === 0 && version === 1;
  const [op] = ops;
  if (isFirst && ops.length === 1 && op?.op === "replace" && op.path === "") return "initial";
  return at !== undefined && version <= at && !isFirst ? "duplicate" : "gap";
}
