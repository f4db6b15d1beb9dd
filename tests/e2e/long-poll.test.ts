import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { channel, createEndpoint, type Endpoint, joined, ok } from "@musubi/server";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type DeafProxy, startDeafProxy } from "../interop/support/deaf-proxy.js";
import { silentLogger } from "../interop/support/echo-server.js";
import { launchBrowser } from "./support/browser.js";

/** phoenix.js as a browser loads it, where `LongPoll` asks through XMLHttpRequest. */
const PHOENIX = readFileSync(
  createRequire(import.meta.url)
    .resolve("phoenix")
    .replace(/phoenix\.cjs\.js$/, "phoenix.mjs"),
);

const PAGE = `<!doctype html><title>Long-poll</title>
<script type="module">import * as phoenix from "/phoenix.mjs"; window.phoenix = phoenix;</script>`;

let browser: Browser;
let pages: Server;
let sockets: Server;
let proxy: DeafProxy;
let endpoint: Endpoint;
let page: Page;
let origin: string;

beforeAll(async () => {
  browser = await launchBrowser();
  pages = createServer(({ url }, response) => {
    const isModule = url === "/phoenix.mjs";
    response.writeHead(200, { "content-type": isModule ? "text/javascript" : "text/html" });
    response.end(isModule ? PHOENIX : PAGE);
  });
  origin = `http://127.0.0.1:${await listen(pages)}`;
  const room = channel("room:*", { join: () => joined(null), handlers: { ping: (_ctx, payload) => ok(payload) } });
  // Another origin than the page's: a browser asks leave for every POST, and reads only what it may.
  endpoint = createEndpoint({ channels: [room], checkOrigin: [origin], logger: silentLogger });
  sockets = createServer();
  endpoint.attach(sockets, { path: "/socket" });
  proxy = await startDeafProxy(await listen(sockets));
});

afterAll(async () => {
  await browser.close();
  await endpoint.close();
  await proxy.close();
  for (const server of [pages, sockets]) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

beforeEach(async () => {
  const context = await browser.newContext();
  page = await context.newPage();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

interface Told {
  readonly events: readonly string[];
  readonly answer: unknown;
  readonly remembered: string | null;
}

/** Has the page connect, join and push, until it is answered or its socket has closed. */
function tell(kind: "fallback" | "polling"): Promise<Told> {
  const script = async ([url, how]: readonly [string, string]): Promise<Told> => {
    const { LongPoll, Socket } = (window as unknown as { phoenix: typeof import("phoenix") }).phoenix;
    const options = how === "polling" ? { transport: LongPoll } : { longPollFallbackMs: 200 };
    const socket = new Socket(url, { ...options, reconnectAfterMs: () => 60_000 });
    const events: string[] = [];
    socket.onOpen(() => void events.push("open"));
    socket.onError((error: unknown) => void events.push(`error ${String(error)}`));
    const answer = await new Promise((resolve) => {
      socket.onClose(({ code }: CloseEvent) => {
        events.push(`close ${code}`);
        resolve("closed");
      });
      socket.connect();
      const room = socket.channel("room:a");
      room.join().receive("ok", () => room.push("ping", { n: 1 }).receive("ok", resolve));
    });
    const told = { events: [...events], answer, remembered: sessionStorage.getItem("phx:fallback:LongPoll") };
    socket.disconnect();
    return told;
  };
  return page.evaluate(script, [`ws://127.0.0.1:${proxy.port}/socket`, kind] as const);
}

it("a page of another origin that may connect polls and posts, preflights included", async () => {
  await page.goto(origin);
  expect(await tell("polling")).toMatchObject({ answer: { n: 1 }, events: ["open"] });
});

it("phoenix.js falls back to it where WebSockets do not pass, and remembers that for the tab", async () => {
  await page.goto(origin);
  expect(await tell("fallback")).toMatchObject({ answer: { n: 1 }, events: ["open"], remembered: "true" });
  const { swallowed } = proxy;
  expect(await tell("fallback")).toMatchObject({ answer: { n: 1 } });
  expect(proxy.swallowed).toBe(swallowed);
});

it("a page that may not connect reads that it is refused", async () => {
  const before = endpoint.inspect();
  await page.goto(origin.replace("127.0.0.1", "localhost"));
  expect(await tell("polling")).toMatchObject({ answer: "closed", events: ["error 403", "close 1008"] });
  expect(endpoint.inspect()).toEqual(before);
});
