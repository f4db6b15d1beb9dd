import type { ErrorCode, MusubiError } from "@musubi/protocol";
import { explain, MusubiInconsistencyError, MusubiMountError, replyReason } from "../errors.js";

/** Names a root: the pair that a client knows it by (protocol.md section 2). */
export interface RootIdentity {
  readonly module: string;
  readonly id: string;
}

/** The key of a root's pair. */
export function rootKey({ module, id }: RootIdentity): string {
  return JSON.stringify([module, id]);
}

/** Why a root is not mounted, or not any more; `details` is what the server said, if that is the reason. */
export function mountError({ module, id }: RootIdentity, code: ErrorCode, details?: unknown): MusubiError {
  const reason = replyReason(details);
  const message = `Root ${module} "${id}": ${explain(code, reason)}.`;
  return code === "inconsistent"
    ? new MusubiInconsistencyError(message, details)
    : new MusubiMountError(code, message, { module, id, reason, details });
}
