import { eventually } from "@musubi/testing";
import { describe, expect, test, vi } from "vitest";
import type { UploadHandle } from "../index.js";
import { mountConnectionRoot, openConnectionState, readUpload } from "../runtime.js";
import { ROOT } from "./upload-server.test.util.js";
import { clock, mounted, slot, socket, uploads } from "./upload-setup.test.util.js";

describe("the slot", () => {
  test("client.md 16: one handle per slot, in proxies, snapshots and readUpload, for as long as the store is there", async () => {
    expect(slot).toMatchObject({ name: "photos", config: null, status: "idle", entries: [], errors: [], progress: 0 });
    const { connection: held } = openConnectionState(socket, { clock });
    const { connection: root } = mountConnectionRoot(held, { module: "Album", id: "a" });
    expect(readUpload(root, [], "photos")).toBe(slot);
    expect(readUpload(root, ["nobody"], "photos")).toBeUndefined();
    const before = mounted.store.snapshot() as unknown as { readonly photos: UploadHandle };
    expect(before.photos).toBe(slot);
    const listener = vi.fn();
    mounted.store.subscribe(listener);
    uploads.ops({ op: "config", config: { max_entries: 2 } }, { op: "error", error: "too_many_files" });
    await eventually(() => slot.config !== null);
    expect(listener).toHaveBeenCalledTimes(1);
    const after = mounted.store.snapshot() as unknown as { readonly photos: UploadHandle };
    expect(after).not.toBe(before);
    expect(after.photos).toBe(slot);
    expect(slot).toMatchObject({ status: "error", isError: true, isIdle: false, errors: [{ code: "too_many_files" }] });
    expect(JSON.parse(JSON.stringify(after))).toMatchObject({ photos: { name: "photos", status: "error" } });
    root.release();
    held.release();
  });

  test("protocol.md 6: ops of a store that is not there are ignored; uploads alone move the version", async () => {
    uploads.server.patch(ROOT, [], { upload_ops: [{ op: "reset", upload: "x", store_id: ["nobody"] }] } as object);
    uploads.ops({ op: "config", config: {} });
    await eventually(() => slot.config !== null);
    expect(mounted.state.current.status).toBe("live");
  });

  test("protocol.md 5: a store that leaves takes its uploads; one that moves keeps them; one that returns starts empty", async () => {
    const child = (id: string) => ({ __musubi_store_id__: [id], file: { __musubi_upload__: "file" } });
    const at = (place: string) =>
      (mounted.store as unknown as Record<string, { file?: UploadHandle } | undefined>)[place]?.file;
    const config = { op: "config", upload: "file", store_id: ["c"], config: { max_entries: 1 } };
    uploads.server.patch(
      ROOT,
      [{ op: "add", path: "/one", value: child("c") }] as never,
      {
        upload_ops: [config],
      } as object,
    );
    await eventually(() => at("one")?.config !== null && at("one") !== undefined);
    const first = at("one");
    uploads.server.patch(ROOT, [
      { op: "remove", path: "/one" },
      { op: "add", path: "/two", value: child("c") },
    ] as never);
    await eventually(() => at("two") !== undefined);
    expect(at("two")).toBe(first);
    expect(first?.config).toEqual({ max_entries: 1 });
    uploads.server.patch(ROOT, [{ op: "remove", path: "/two" }]);
    await eventually(() => at("two") === undefined);
    uploads.server.patch(ROOT, [{ op: "add", path: "/two", value: child("c") }] as never);
    await eventually(() => at("two") !== undefined);
    expect(at("two")).not.toBe(first);
    expect(at("two")?.config).toBeNull();
  });

  test("client.md 8: the same uploads again after a remount change nothing and tell nobody", async () => {
    uploads.server.restart(ROOT, { title: "A", photos: { __musubi_upload__: "photos" } }, {
      upload_ops: [{ op: "config", upload: "photos", store_id: [], config: { max_entries: 1 } }],
    } as object);
    await eventually(() => slot.config !== null);
    const before = mounted.store.snapshot();
    const listener = vi.fn();
    mounted.store.subscribe(listener);
    uploads.server.restart(ROOT, { title: "A", photos: { __musubi_upload__: "photos" } }, {
      upload_ops: [{ op: "config", upload: "photos", store_id: [], config: { max_entries: 1 } }],
      events: [{ name: "done", payload: {} }],
    } as object);
    const done = vi.fn();
    mounted.store.handleEvent("done" as never, done);
    await eventually(() => done.mock.calls.length === 1);
    expect(listener).not.toHaveBeenCalled();
    expect(mounted.store.snapshot()).toBe(before);
  });
});
