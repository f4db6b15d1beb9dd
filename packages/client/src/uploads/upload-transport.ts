import { isDevelopment } from "../development.js";
import type { Logger } from "../logger.js";
import type { ExternalUploader } from "./upload-types.js";

/** The app's own ways for files of a connection to go, beside its socket. */
export interface UploadTransport {
  readonly uploaders: Map<string, ExternalUploader>;
  hasWarned?: true;
}

/** Adds a holder's uploaders. Of two with one name the first stays, with one warning (client.md rule 1). */
export function addUploaders(
  transport: UploadTransport,
  uploaders: Readonly<Record<string, ExternalUploader>> = {},
  logger: Logger,
): void {
  for (const [name, uploader] of Object.entries(uploaders)) {
    const known = transport.uploaders.get(name);
    if (known === undefined) transport.uploaders.set(name, uploader);
    else if (isDevelopment && known !== uploader && !transport.hasWarned) {
      transport.hasWarned = true;
      logger.warn(`This connection has an uploader "${name}" already, which is kept. Use another name.`);
    }
  }
}
