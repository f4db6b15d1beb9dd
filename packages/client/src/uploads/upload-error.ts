import { isObject, type UploadError } from "@musubi/protocol";

/** What a server's error reply says, for an entry or a slot. `code` is for a reply that has none. */
export function readUploadError(response: unknown, code: string): UploadError & { readonly message: string } {
  const members = isObject(response) ? response : {};
  const text = (name: string): string | undefined => {
    const value = members[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    code: text("code") ?? text("reason") ?? code,
    message: text("message") ?? text("reason") ?? "The server did not take it.",
  };
}
