import { isObject } from "@musubi/protocol";
import type { SocketReason } from "./socket-detail.js";

/** What phoenix.js hands to `onClose`, as a reason; 1006 when it names no code (long poll may not). */
export function closeReason(event: unknown): SocketReason & { readonly kind: "closed" } {
  const { code, reason } = isObject(event) ? event : {};
  return {
    kind: "closed",
    closeCode: typeof code === "number" ? code : 1006,
    text: typeof reason === "string" ? reason : "",
  };
}
