import { MusubiError, type UploadConfig } from "@musubi/protocol";
import type { RejectedFile } from "./upload-types.js";

/**
 * Parts the files that a slot's server says it would take from the others (protocol.md section 6), in order. `open`
 * is how many of its entries are not finished. A server that said nothing takes all. Throws `invalid_usage` for what
 * is no file.
 */
export function checkFiles(
  files: readonly Blob[],
  config: UploadConfig | null,
  open: number,
): { readonly fitting: readonly Blob[]; readonly rejected: RejectedFile[] } {
  const fitting: Blob[] = [];
  const rejected: RejectedFile[] = [];
  const { max_file_size, max_entries, accept } = config ?? {};
  for (const file of files) {
    if (typeof file?.slice !== "function" || typeof file.size !== "number") {
      throw new MusubiError("invalid_usage", "select takes Files, Blobs, or a list of them.");
    }
    const reject = (code: string, why: string): void => {
      rejected.push({ file, code, message: `"${nameOf(file)}" ${why}.` });
    };
    if (!isAccepted(file, accept)) reject("not_accepted", "is not of a kind that can be uploaded here");
    else if (file.size > (max_file_size ?? Infinity)) reject("too_large", `is larger than ${max_file_size} bytes`);
    else if (open + fitting.length >= (max_entries ?? Infinity)) {
      reject("too_many_files", `is one too many: ${max_entries} can be uploaded here`);
    } else fitting.push(file);
  }
  return { fitting, rejected };
}

/** The name of a file; a Blob has none of its own. */
export function nameOf(file: Blob): string {
  return (file as Partial<File>).name ?? "blob";
}

/** Reads `accept` as browsers do for file inputs: extensions, media types, and `image/*`. */
function isAccepted(file: Blob, accept: UploadConfig["accept"]): boolean {
  const patterns = String(accept ?? "")
    .toLowerCase()
    .split(",")
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== "");
  const name = nameOf(file).toLowerCase();
  const type = (file.type.split(";")[0] as string).trim().toLowerCase();
  return (
    patterns.length === 0 ||
    patterns.some((pattern) => {
      if (pattern.startsWith(".")) return name.endsWith(pattern);
      const [start = "", ...rest] = pattern.split("*");
      return rest.length > 0 ? type.startsWith(start) : type === pattern;
    })
  );
}
