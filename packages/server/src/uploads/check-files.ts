import type { UploadError } from "@musubi/protocol";
import type { UploadSlot } from "./upload-definition.js";
import type { AnnouncedFile } from "./upload-messages.js";

/**
 * Why a slot does not take a file, or `null`: the checks of the client (client.md rule 16), made again where they
 * count. `open` is how many entries the slot has.
 */
export function refuseFile(file: AnnouncedFile, slot: UploadSlot, open: number): UploadError | null {
  const { maxFileSize, maxEntries } = slot;
  if (!isAccepted(file, slot.accept)) {
    return { code: "not_accepted", message: "It is not of a kind that can be uploaded here." };
  }
  if (file.size > maxFileSize) return { code: "too_large", message: `It is larger than ${maxFileSize} bytes.` };
  if (open >= maxEntries) {
    return { code: "too_many_files", message: `It is one too many: ${maxEntries} can be uploaded here.` };
  }
  return null;
}

/** As browsers read `accept` of a file input: an extension or a media type, whichever fits. */
function isAccepted({ name, type }: AnnouncedFile, accept: readonly string[]): boolean {
  const lowerName = name.toLowerCase();
  const mediaType = (type.split(";")[0] as string).trim().toLowerCase();
  return (
    accept.length === 0 ||
    accept.some((pattern) => {
      if (pattern.startsWith(".")) return lowerName.endsWith(pattern);
      if (pattern === "*" || pattern === "*/*") return true;
      return pattern.endsWith("/*") ? mediaType.startsWith(pattern.slice(0, -1)) : mediaType === pattern;
    })
  );
}
