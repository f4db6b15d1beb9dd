import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { fileURLToPath } from "node:url";
import type { MusubiServer } from "@musubi/server";
import { createElement, type FunctionComponent } from "react";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { installDom } from "./support/dom.js";
import { freePort } from "./support/free-port.js";
import { compileSnippets, readSnippets } from "./support/snippets.js";
import { startUploadServer } from "./support/upload-server.js";

interface ServerSnippet {
  readonly musubi: { close(): Promise<void> };
  readonly http: Server;
}

let port: number;
let removeDom: () => void;

beforeAll(async () => {
  port = await freePort();
  removeDom = installDom();
});

afterAll(() => removeDom());

/** The snippets' port is one of a README; the test takes one that is free. */
const withPort = (code: string) => code.replace(/\b4000\b/, String(port));

test("README.md: the server and the component compile, run and share a count", async () => {
  const snippets = readSnippets("README.md");
  expect([...snippets.keys()]).toEqual(["server.ts", "counter.tsx"]);
  const folder = compileSnippets("readme", snippets, withPort);
  const { cleanup, configure, render } = await import("@testing-library/react");
  configure({ asyncUtilTimeout: 15_000 });
  const server = (await import(`${folder}server.ts`)) as ServerSnippet;
  const { App } = (await import(`${folder}counter.tsx`)) as { App: FunctionComponent };
  try {
    const view = render(createElement(App));
    const button = view.getByRole("button");
    expect(button.textContent).toBe("…");
    await view.findByText("0");
    button.click();
    button.click();
    await view.findByText("2");
  } finally {
    cleanup();
    await server.musubi.close();
    server.http.close();
  }
});

const pages = ["protocol", "client", "react", "server", "testing"].map((name) => `packages/${name}/README.md`);

test("packages/*/README.md: every snippet compiles", () => {
  const server = readSnippets("packages/server/README.md");
  const all = new Map(pages.flatMap((page) => [...readSnippets(page)]));
  expect(all.size).toBe(15);
  compileSnippets("packages", new Map([...all, ...server]), (code) => code);
});

/** Two people in a room, as phoenix.js's `Presence` sees them. */
async function tryPresence(file: string): Promise<void> {
  const room = (await import(file)) as { musubi: MusubiServer; stop(): Promise<void> };
  const { Presence, Socket } = await import("phoenix");
  const http = createHttpServer();
  room.musubi.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(0, resolve));
  const url = `ws://localhost:${(http.address() as AddressInfo).port}/socket`;
  const sockets = ["ada", "bob"].map((name) => new Socket(url, { transport: WebSocket, params: { name } }));
  const [ada, bob] = sockets.map((socket) => {
    socket.connect();
    const channel = socket.channel("room:a", {});
    const presence = new Presence(channel);
    channel.join();
    return {
      channel,
      here: () => presence.list((key, { metas }: { metas: object[] }) => [key, "away" in (metas[0] ?? {})]),
    };
  });
  await expect.poll(() => ada?.here()).toHaveLength(2);
  const answer = await new Promise<{ here: string[] }>((resolve) =>
    bob?.channel.push("away", {}).receive("ok", resolve),
  );
  expect(answer.here.sort()).toEqual(["ada", "bob"]);
  await expect
    .poll(() => ada?.here())
    .toEqual(
      expect.arrayContaining([
        ["ada", false],
        ["bob", true],
      ]),
    );
  for (const socket of sockets) socket.disconnect();
  await room.stop();
  http.close();
}

test("packages/*/README.md: what can run by itself does what it says", async () => {
  const snippets = new Map(pages.flatMap((page) => [...readSnippets(page)]));
  const folder = compileSnippets("packages", snippets, (code) => code);
  const protocol = (await import(`${folder}protocol.ts`)) as { isShared: boolean; ops: unknown };
  expect(protocol.isShared).toBe(true);
  expect(protocol.ops).toEqual([{ op: "replace", path: "/cards/0/text", value: "uno" }]);
  const scripted = (await import(`${folder}scripted.ts`)) as { run(): Promise<unknown[]> };
  await expect(scripted.run()).resolves.toHaveLength(2);
  await ((await import(`${folder}conversation.ts`)) as { run(): Promise<void> }).run();
  const background = (await import(`${folder}background.ts`)) as { run(): Promise<unknown> };
  await expect(background.run()).resolves.toEqual({
    first: "loading",
    data: { name: "Ada", plan: "gold" },
    error: { reason: "no_such_person" },
    invoice: "No. 1",
  });
  const hooks = (await import(`${folder}hooks.ts`)) as {
    taken: number;
    musubi: ServerSnippet["musubi"];
    run(): unknown;
  };
  expect(hooks.taken).toBe(0);
  await expect(hooks.run()).resolves.toEqual({
    pong: { pong: true },
    refused: { reason: "forbidden" },
    open: false,
    calls: ["mount Board", "mount  ok", "command ping ok", "command wipe error", "update  ok"],
  });
  await hooks.musubi.close();
  const uploads = (await import(`${folder}uploads.ts`)) as { musubi: ServerSnippet["musubi"]; run(): unknown };
  await expect(uploads.run()).resolves.toEqual({
    saved: ["lunch.pdf", "tour.mp4 by put"],
    refused: { errors: [{ ref: "1", code: "not_accepted", message: expect.any(String) as string }] },
  });
  await uploads.musubi.close();
  const operations = (await import(`${folder}operations.ts`)) as { musubi: ServerSnippet["musubi"]; run(): unknown };
  await expect(operations.run()).resolves.toEqual([503, 200, 200, 200]);
  await operations.musubi.close();
  await tryPresence(`${folder}presence.ts`);
  const component = (await import(`${folder}component.tsx`)) as { run(): Promise<unknown> };
  await expect(component.run()).resolves.toEqual(["2", "10"]);
  const { http, musubi } = (await import(`${folder}server.ts`)) as ServerSnippet;
  await new Promise<void>((resolve) => http.listen(0, resolve));
  const { Socket } = await import("phoenix");
  const url = `ws://localhost:${(http.address() as AddressInfo).port}/socket`;
  const socket = new Socket(url);
  const client = (await import(`${folder}client.ts`)) as { run(socket: unknown): Promise<number> };
  await expect(client.run(socket)).resolves.toBeGreaterThanOrEqual(0);
  const page = (await import(`${folder}page.tsx`)) as { renderPage(socket: unknown): Promise<{ html: string }> };
  expect((await page.renderPage(socket)).html).toMatch(/<p>\d+<\/p>/);
  socket.disconnect();
  await musubi.close();
  http.close();
});

test("docs/client.md: every snippet compiles and does what it says", async () => {
  const folder = compileSnippets("client", readSnippets("docs/client.md"), (code) => code);
  const { http, musubi } = (await import(`${folder}server.ts`)) as ServerSnippet;
  await new Promise<void>((resolve) => http.listen(0, resolve));
  const { Socket } = await import("phoenix");
  const url = `ws://localhost:${(http.address() as AddressInfo).port}/socket`;
  const run = async (file: string): Promise<unknown> => {
    const socket = new Socket(url);
    const snippet = (await import(`${folder}${file}`)) as { run(socket: unknown): Promise<unknown> };
    const result = await snippet.run(socket);
    socket.disconnect();
    return result;
  };
  try {
    await expect(run("mount.ts")).resolves.toEqual({ title: "At home", first: "Read this page", status: "live" });
    await expect(run("cache.ts")).resolves.toEqual({
      atOnce: { title: "Cached", status: "stale", fromCache: true },
      now: { status: "live", fromCache: false },
    });
    await expect(run("hydrate.ts")).resolves.toBe("Things to do");
    await expect(run("read.ts")).resolves.toEqual({ title: "Today", isShared: true, calls: 2, done: "Read this page" });
    await expect(run("commands.ts")).resolves.toEqual({
      id: "2",
      code: "failed, rejected, invalid_payload",
      shownAtOnce: "Tomorrow",
      added: ["Water the plants"],
    });
    const status = (await import(`${folder}status.ts`)) as { run(url: string): Promise<unknown> };
    await expect(status.run(url)).resolves.toEqual(["", "Closed"]);
  } finally {
    await musubi.close();
    http.close();
  }
});

test("docs/client.md: uploads do what it says", async () => {
  const folder = compileSnippets("uploads", readSnippets("docs/client.md"), (code) => code);
  const server = await startUploadServer();
  const { Socket } = await import("phoenix");
  const run = async (file: string, argument: unknown): Promise<unknown> => {
    const socket = new Socket(server.url, { transport: WebSocket });
    const snippet = (await import(`${folder}${file}`)) as { run(socket: unknown, argument: unknown): Promise<unknown> };
    const result = await snippet.run(socket, argument);
    socket.disconnect();
    return result;
  };
  try {
    await expect(
      run("uploads.ts", [new File(["x".repeat(3_000)], "a.txt"), new File(["y"], "b.txt")]),
    ).resolves.toEqual({
      taken: 2,
      chosen: { status: "pending", refused: [] },
      entries: ["a.txt: success", "b.txt: success"],
      whole: 100,
    });
    await expect(run("uploaders.ts", new File(["x"], "a.txt"))).resolves.toEqual([["success", undefined]]);
    const failed = [["error", "The store answered 403."]];
    await expect(run("uploaders.ts", new File(["x"], "forbidden.txt"))).resolves.toEqual(failed);
  } finally {
    await server.close();
  }
});

test("docs/testing.md: the tests it shows compile and pass", () => {
  const folder = compileSnippets("testing", readSnippets("docs/testing.md"), (code) => code);
  const conditions = JSON.stringify(["@musubi/source", "module", "import", "browser", "default"]);
  const config = `export default { resolve: { conditions: ${conditions} }, ssr: { resolve: { conditions: ${conditions} } }, test: { environment: "jsdom", testTimeout: 30_000 } };`;
  writeFileSync(`${folder}vitest.config.js`, config);
  const command = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
  const { stdout } = spawnSync(process.execPath, [command, "run", "--root", folder, "--reporter", "json"], {
    encoding: "utf8",
  });
  const { numPassedTests, numFailedTests } = JSON.parse(stdout) as Record<string, number>;
  expect({ numPassedTests, numFailedTests }, stdout).toEqual({ numPassedTests: 11, numFailedTests: 0 });
});
