import { isDevelopment } from "../development.js";
import type { Logger } from "../logger.js";
import type { SocketLike } from "./socket-like.js";

/**
 * Warns, once and in development, of a socket that fails to open: to a page that looks like loading for ever, since
 * browsers do not tell a refusal (403, before the upgrade) from a server that is away. Returns the undo, which calls
 * `undo`. (As one expression: of a block with declarations esbuild leaves something.)
 */
export function warnIfNeverOpen(socket: SocketLike, logger: Logger, undo: () => void): () => void {
  return isDevelopment && !socket.isConnected()
    ? ((): (() => void) => {
        let attempts = 0;
        const refs = [
          socket.onOpen(() => stop()),
          socket.onClose(() => {
            // One that has failed so often before it was ever open is hardly just early.
            if (++attempts < 3) return;
            stop();
            // Of phoenix.js's sockets; the query, where a token may be, stays out.
            const { endPoint } = socket as { readonly endPoint?: unknown };
            const where = typeof endPoint === "string" ? endPoint.replace(/\?.*/, "") : "an unknown address";
            const { location } = globalThis as { readonly location?: { readonly origin: string } };
            const who = location === undefined ? "" : `, that its checkOrigin lets ${location.origin} in`;
            logger.warn(
              `The socket to ${where} has not opened in ${attempts} attempts, and nobody says why. ` +
                `Check that a server serves this path there${who}, and that its connect hook takes this client.`,
            );
          }),
        ];
        const stop = (): void => socket.off(refs);
        return () => {
          stop();
          undo();
        };
      })()
    : undo;
}
