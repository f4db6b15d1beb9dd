import type { SocketLike } from "../connection/socket-like.js";
import { isDevelopment } from "../development.js";
import type { Logger } from "../logger.js";
import type { ExternalUploader } from "./upload-types.js";

/** Where the bytes of a connection's uploads can go: over its socket, or through the app's own uploaders. */
export class UploadTransport {
  readonly socket: SocketLike;
  readonly uploaders: Map<string, ExternalUploader> = new Map();
  readonly #logger: Logger;
  #hasWarned = false;

  constructor(socket: SocketLike, logger: Logger) {
    this.socket = socket;
    this.#logger = logger;
  }

  /** Adds a holder's uploaders. Of two with one name the first stays, with one warning (client.md rule 1). */
  add(uploaders: Readonly<Record<string, ExternalUploader>> = {}): void {
    for (const [name, uploader] of Object.entries(uploaders)) {
      const known = this.uploaders.get(name);
      if (known === undefined) this.uploaders.set(name, uploader);
      else if (isDevelopment && known !== uploader && !this.#hasWarned) {
        this.#hasWarned = true;
        this.#logger.warn(`This connection has an uploader "${name}" already, which is kept. Use another name.`);
      }
    }
  }
}
