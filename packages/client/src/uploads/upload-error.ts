import { isObject, type UploadError } from "@musubi/protocol";

/**
 * What a server's error reply says, for an entry or a slot; `undefined` stands for no reply in time. `code` is for one
 * that has none.
 */
export function readUploadError(response: unknown, code: string): UploadError & { readonly message: string } {
  const members = isObject(response) ? response : {};
  const text = (name: string): string | undefined => {
    const value = members[name];
    return typeof value === "string" ? value : undefined;
  };
  const why = response === undefined ? "The server did not answer in time." : "The server did not take it.";
  return {
    code: text("code") ?? text("reason") ?? code,
    message: text("message") ?? text("reason") ?? why,
  };
}
