import type { ErrorCode } from "@musubi/protocol";
import { describe, MusubiMountError, replyReason } from "../errors.js";

/** Names a root: the pair that a client knows it by (protocol.md section 2). */
export interface RootIdentity {
  readonly module: string;
  readonly id: string;
}

/** The key of a root's pair. */
export function rootKey({ module, id }: RootIdentity): string {
  return JSON.stringify([module, id]);
}

/** Why a root is not mounted, or not any more; with the server's message when that is the reason. */
export function mountError(
  { module, id }: RootIdentity,
  code: ErrorCode,
  why: string,
  details?: unknown,
): MusubiMountError {
  const reason = replyReason(details);
  return new MusubiMountError(code, `Root ${module} "${id}": ${why}.`, { module, id, reason, details });
}

/** The server answered a mount with an error. */
export function refusedError(root: RootIdentity, response: unknown): MusubiMountError {
  return mountError(
    root,
    "mount_refused",
    `the server refused to mount it: ${describe(replyReason(response))}`,
    response,
  );
}

/** The server did not answer a mount. */
export function timeoutError(root: RootIdentity, timeoutMs: number): MusubiMountError {
  return mountError(
    root,
    "mount_timeout",
    `no answer to its mount in ${timeoutMs} ms; does the server have this module?`,
  );
}
