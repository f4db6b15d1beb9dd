// A server whose temp files go to the folder at argv[2]; prints its port. SIGTERM closes it. Built packages: run `tsc -b`
// first.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { command, createMusubiServer, defineStore, upload } from "@musubi/server";

const Videos = defineStore("Videos", {
  mount: () => ({}),
  uploads: { video: { maxEntries: 2, maxFileSize: 1_000_000_000, chunkSize: 256 * 1024 } },
  render: () => ({ video: upload("video") }),
  commands: {
    save: command(async (ctx) => {
      const hashes = await ctx.consumeUploadedEntries("video", async ({ path }) => {
        const hash = createHash("sha256");
        for await (const part of createReadStream(path)) hash.update(part);
        return hash.digest("hex");
      });
      // The largest resident set that this process has had so far, as the kernel counts.
      return { hashes, peak: process.resourceUsage().maxRSS * 1024 };
    }),
  },
});

const musubi = createMusubiServer({ stores: [Videos], uploads: { directory: process.argv[2] } });
const http = createServer();
musubi.attach(http, { path: "/socket" });
http.listen(0, "127.0.0.1", () => process.stdout.write(`${http.address().port}\n`));
process.on("SIGTERM", () => {
  void musubi.close().then(() => process.exit(0));
});
