// Uploads the file at argv[3] to the server at argv[2] and prints, as JSON, how far the peak memory of this process rose
// above where it stood after a smaller upload. Built packages: run `tsc -b` first.
import { openAsBlob } from "node:fs";
import { connect } from "@musubi/client";
import { Socket } from "phoenix";
import { WebSocket } from "ws";

const [url, path] = process.argv.slice(2);
const warmUpBytes = 16 * 1024 * 1024;

const socket = new Socket(url, { transport: WebSocket });
const connection = await connect(socket);
const { store } = await connection.mountStore({ module: "Album", id: "a" });
const blob = await openAsBlob(path);

/** Sends a file. Returns the largest resident set that this process has had so far, in bytes, as the kernel counts. */
async function upload(file) {
  await store.photos.select(file, { autoStart: true });
  await store.photos.start();
  const { status, errors } = store.photos.entries.at(-1);
  if (status !== "success") throw new Error(`the upload ended in ${status}: ${JSON.stringify(errors)}`);
  return process.resourceUsage().maxRSS * 1024;
}

const baseline = await upload(blob.slice(0, warmUpBytes));
const peak = await upload(blob);
process.stdout.write(JSON.stringify({ baseline, peak, growth: peak - baseline, size: blob.size }));
await connection.disconnect();
// Nothing is left that would keep this process alive.
socket.disconnect();
