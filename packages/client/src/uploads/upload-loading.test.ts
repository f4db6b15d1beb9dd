import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { eventually } from "@musubi/testing";
import { afterEach, expect, test, vi } from "vitest";
import { type AnyRegistry, connect, type UploadHandle } from "../index.js";
import { UploadServer } from "./upload-server.test.util.js";

const SOURCES = resolve(import.meta.dirname, "..");

afterEach(() => vi.doUnmock("./upload-engine.js"));

/** Files that a module brings along whenever it is loaded. */
function loadedWith(entries: readonly string[]): string[] {
  const found = new Set<string>();
  const look = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    const code = readFileSync(file, "utf8").replaceAll(/^(?:import|export) type [^;]*;/gm, "");
    for (const [, path] of code.matchAll(/^(?:import|export|\}) ?[^;(]*?from "(\..*?)";/gm)) {
      look(resolve(dirname(file), (path as string).replace(/\.js$/, ".ts")));
    }
  };
  for (const entry of entries) look(resolve(SOURCES, entry));
  return Array.from(found, (file) => file.slice(SOURCES.length + 1)).sort();
}

test("client.md 16: what sends files is loaded by the first slot that is used, and by nothing else", () => {
  const core = loadedWith(["index.ts", "runtime.ts", "socket.ts"]);
  expect(core.length).toBeGreaterThan(50);
  expect(core.filter((file) => file.startsWith("uploads/"))).toEqual([
    "uploads/upload-code.ts",
    "uploads/upload-transport.ts",
  ]);
  const reading = loadedWith(["uploads/upload-table.ts"]);
  expect(reading).toContain("uploads/upload-slot.ts");
  expect(reading).not.toContain("uploads/upload-engine.ts");
  expect(loadedWith(["uploads/upload-engine.ts"])).toContain("uploads/channel-transfer.ts");
});

test("client.md 16: code that cannot be loaded is an error of the slot, and is asked for again", async () => {
  const logger = { warn: vi.fn(), error: vi.fn() };
  vi.doMock("./upload-engine.js", () => {
    throw new Error("no network");
  });
  const uploads = new UploadServer();
  const socket = uploads.createSocket();
  const connection = await connect<AnyRegistry>(socket, { logger });
  const mounted = await connection.mountStore({ module: "Album", id: "a" });
  const slot = (mounted.store as { photos?: UploadHandle }).photos as UploadHandle;
  const file = new File(["abc"], "a.txt");
  expect(await slot.select(file)).toMatchObject({ accepted: [], rejected: [{ file, code: "internal" }] });
  expect(slot).toMatchObject({ status: "error", errors: [{ code: "internal" }] });
  expect(logger.error).toHaveBeenCalledTimes(1);
  await slot.start();
  vi.doUnmock("./upload-engine.js");
  vi.resetModules();
  await slot.select(file, { autoStart: true });
  await slot.start();
  expect(slot).toMatchObject({ status: "success", errors: [] });
  await connection.disconnect();
  await eventually(() => mounted.state.current.status === "closed");
  socket.disconnect();
});
