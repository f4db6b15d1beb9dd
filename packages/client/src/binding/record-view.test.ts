import { FakeClock, ScriptedServer } from "@musubi/testing";
import { expect, test, vi } from "vitest";
import { type AnyRegistry, connect, loadUploads, type UploadHandle } from "../index.js";
import { DehydratedRoots } from "../runtime.js";

const SLOT = { __musubi_upload__: "photos" };

test("client.md 17: a server's render reads its upload slots before the code for uploads is there, as it did there", async () => {
  const server = new ScriptedServer().store("Album", () => ({ photos: SLOT }));
  const record = { format: 1, buster: "", savedAt: 0, tree: { __musubi_store_id__: [], photos: SLOT }, streams: [] };
  const state = { roots: [{ module: "Album", id: "a", params: {}, record }] };
  const view = new DehydratedRoots(state).find("Album", "a", "{}")?.view;
  const slot = (view?.store as { photos?: UploadHandle } | undefined)?.photos;
  const file = new File(["a"], "a.txt");
  expect(await slot?.select([file])).toMatchObject({ accepted: [], rejected: [{ file, code: "internal" }] });

  const socket = server.createSocket();
  const connection = await connect<AnyRegistry>(socket, { clock: new FakeClock() });
  const { store } = await connection.mountStore({ module: "Album", id: "a" });
  const real = (store as { photos?: UploadHandle }).photos;
  expect(slot?.snapshot()).toEqual(real?.snapshot());
  expect(Object.keys(slot ?? {})).toEqual(expect.arrayContaining(Object.keys(real?.snapshot() ?? { none: 0 })));
  await connection.disconnect();
  socket.disconnect();
});

test("client.md 17: a server's render is used up once its root shows it, which uploads may delay", async () => {
  const record = { format: 1, buster: "", savedAt: 0, tree: { __musubi_store_id__: [], photos: SLOT }, streams: [] };
  vi.resetModules();
  const client = await import("../runtime.js");
  const server = new ScriptedServer();
  server.intercept("mount", () => {});
  const socket = server.createSocket();
  const { connection } = client.openConnectionState(socket, { clock: new FakeClock() });
  const { connection: root } = client.mountConnectionRoot(connection, { module: "Album", id: "a" });
  const roots = { roots: [{ module: "Album", id: "a", params: {}, record }] };
  const view = new client.DehydratedRoots(roots).find("Album", "a", "{}")?.view;
  const onShown = vi.fn();
  view?.showIn(root, onShown);
  expect([onShown.mock.calls.length, root.tree.root]).toEqual([0, undefined]);
  await expect.poll(() => onShown.mock.calls.length).toBe(1);
  expect(root.state.current).toEqual({ status: "stale", fromCache: true });
  connection.release();
  socket.disconnect();
  await loadUploads();
});
