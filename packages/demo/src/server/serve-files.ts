import type { FastifyInstance } from "fastify";
import type { Services } from "./commit.js";

/** Media types that browsers show by themselves and cannot be scripts; all else is only ever downloaded. */
const SHOWN = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]);

/**
 * Serves cards' files at `/files/<id>`. People may send anything, so nothing of it may run as part of this page: types
 * are ours, the browser is not to guess, and a document is shown without scripts and without an origin.
 */
export function serveFiles(app: FastifyInstance, { records, shelf }: Pick<Services, "records" | "shelf">): void {
  app.get<{ Params: { id: string } }>("/files/:id", async ({ params: { id } }, reply) => {
    const file = await records.file(id);
    if (file === undefined) return reply.callNotFound();
    const isShown = SHOWN.has(file.type);
    return reply
      .type(isShown ? file.type : "application/octet-stream")
      .headers({
        "content-length": file.size,
        "content-disposition": `${isShown ? "inline" : "attachment"}; filename*=UTF-8''${encodeFileName(file.name)}`,
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=31536000, immutable",
      })
      .send(shelf.read(file.id));
  });
}

/** RFC 8187: percent-encoded UTF-8, with the few characters that `encodeURIComponent` leaves and headers do not take. */
function encodeFileName(name: string): string {
  return encodeURIComponent(Buffer.from(name).toString()).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  );
}
