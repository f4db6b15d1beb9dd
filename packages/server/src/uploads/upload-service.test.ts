import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createPubSub, type PubSub } from "../channels/pubsub.js";
import { systemClock } from "../clock.js";
import { createMusubiServer, type MusubiServerOptions } from "../create-server.js";
import { defineStore } from "../stores/define-store.js";
import { upload } from "../stores/placeholders.js";
import { LogRecorder } from "../stores/store-client.test.util.js";
import type { AnyStore } from "../stores/store-types.js";
import type { Entry } from "./entry.js";
import { UploadService } from "./upload-service.js";

const Plain = defineStore("Plain", { mount: () => ({}), render: () => ({}) });
const Form = defineStore("Form", { mount: () => ({}), uploads: { a: {} }, render: () => ({ a: upload("a") }) });

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "musubi-service-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** What a server logs when it is made. */
async function warningsOf(stores: readonly AnyStore[], options: Partial<MusubiServerOptions<readonly AnyStore[]>>) {
  const logger = new LogRecorder();
  const musubi = createMusubiServer({ stores, logger, ...options });
  await musubi.close();
  return logger.entries.map(({ level, message }) => [level, message]);
}

test("server.md 4: one who means several processes is told that they need one secret, and nobody else is", async () => {
  const pubsub: PubSub = { publish() {}, subscribe: () => () => {} };
  expect(await warningsOf([Form], { pubsub, uploads: { directory } })).toEqual([
    ["warn", expect.stringContaining("uploads.secret")],
  ]);
  expect(
    await warningsOf([Form], { pubsub, uploads: { directory, secret: "one secret for all of the processes" } }),
  ).toEqual([]);
  expect(await warningsOf([Form], { uploads: { directory } })).toEqual([]);
  expect(await warningsOf([Form], { pubsub: createPubSub(new LogRecorder()), uploads: { directory } })).toEqual([]);
  expect(await warningsOf([Plain], { pubsub })).toEqual([]);
});

test("server.md 4: a server that takes no file writes none", async () => {
  const musubi = createMusubiServer({ stores: [Form], logger: new LogRecorder(), uploads: { directory } });
  expect(readdirSync(directory)).toEqual([]);
  await musubi.close();
  expect(readdirSync(directory)).toEqual([]);
});

test("server.md 4: a file keeps its place in the bounds until it has gone from the disk", async () => {
  const service = new UploadService({ directory, maxEntries: 2, maxBytes: 100 }, systemClock, new LogRecorder());
  const gone: (() => void)[] = [];
  const entry = (ref: string, size: number): Entry => {
    const remove = (): Promise<void> => new Promise((resolve) => gone.push(resolve));
    // All that is asked of one here.
    return { info: { ref, size }, isChannel: true, remove } as unknown as Entry;
  };
  const all = [entry("a", 90), entry("b", 10)];
  for (const one of all) {
    expect(service.reserve(one.info.size)).toBe(true);
    service.add(one);
    service.discard(one);
  }
  expect(service.reserve(0)).toBe(false);
  expect(service.inspect()).toEqual({ files: 2, bytes: 100 });
  gone[0]?.();
  await expect.poll(() => service.inspect()).toEqual({ files: 1, bytes: 10 });
  expect([service.reserve(91), service.reserve(90)]).toEqual([false, true]);
  gone[1]?.();
  await service.close();
});
