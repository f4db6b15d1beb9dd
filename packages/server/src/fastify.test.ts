import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { LongPoll, Socket } from "phoenix";
import { afterEach, describe, expect, it, vi } from "vitest";
import WebSocket from "ws";
import { musubiFastify } from "./fastify.js";
import { createEndpoint } from "./transport/endpoint.js";
import { RawClient, room } from "./transport/raw-client.test.util.js";

describe("the Fastify plugin", () => {
  let app: FastifyInstance | undefined;
  afterEach(() => app?.close());

  it("serves sockets beside the app's routes, and closing the app ends both without hanging", async () => {
    const endpoint = createEndpoint({ channels: [room] });
    app = Fastify();
    app.get("/hello", () => "world");
    await app.register(musubiFastify, { endpoint, path: "/live" });
    const address = await app.listen({ port: 0, host: "127.0.0.1" });

    const socket = new Socket(`${address.replace("http", "ws")}/live`, { transport: WebSocket });
    const closed = new Promise<number>((resolve) => {
      socket.onClose(({ code }: { code: number }) => {
        resolve(code);
        socket.disconnect();
      });
    });
    socket.connect();
    const channel = socket.channel("room:a");
    const answer = await new Promise((resolve) => {
      channel.join().receive("ok", () => channel.push("ping", { n: 1 }).receive("ok", resolve));
    });
    expect(answer).toEqual({ n: 1 });
    expect(await (await fetch(`${address}/hello`)).text()).toBe("world");
    expect((await fetch(`${address}/nothing`)).status).toBe(404);
    expect((await fetch(`${address}/live/websocket?vsn=2.0.0`)).status).toBe(400);

    await app.close();
    expect(await closed).toBe(1012);
    expect(endpoint.inspect()).toEqual({ sockets: 0, channels: 0 });
  });

  it("serves phoenix.js's LongPoll beside routes that read bodies, and closing the app sends it elsewhere", async () => {
    const endpoint = createEndpoint({ channels: [room] });
    app = Fastify();
    app.post("/echo", ({ body }) => body);
    await app.register(musubiFastify, { endpoint, path: "/live" });
    const address = await app.listen({ port: 0, host: "127.0.0.1" });

    const socket = new Socket(`${address}/live`, { transport: LongPoll });
    const closed = new Promise<number>((resolve) => {
      socket.onClose(({ code }: { code: number }) => {
        resolve(code);
        socket.disconnect();
      });
    });
    socket.connect();
    const channel = socket.channel("room:a");
    const answer = await new Promise((resolve) => {
      channel.join().receive("ok", () => channel.push("ping", { n: 1 }).receive("ok", resolve));
    });
    expect(answer).toEqual({ n: 1 });
    const headers = { "content-type": "application/json" };
    expect(await (await fetch(`${address}/echo`, { method: "POST", headers, body: "[1]" })).json()).toEqual([1]);

    await app.close();
    // The poll was held and told 410, or came too late and got 503: phoenix.js connects anew upon either.
    expect([3410, 1011]).toContain(await closed);
    expect(endpoint.inspect()).toEqual({ sockets: 0, channels: 0 });
  });

  it("has /socket as its path unless told otherwise", async () => {
    const endpoint = createEndpoint({ channels: [room] });
    app = Fastify();
    await app.register(musubiFastify, { endpoint });
    await app.listen({ port: 0, host: "127.0.0.1" });
    const client = await RawClient.open((app.server.address() as AddressInfo).port);
    await client.beat();
  });

  it("takes anything that attaches and closes, once each and in that order", async () => {
    const calls: unknown[] = [];
    const endpoint = {
      attach: vi.fn((_server: unknown, { path }: { path: string }) => void calls.push(`attach ${path}`)),
      close: vi.fn(async () => void calls.push("close")),
    };
    app = Fastify();
    await app.register(musubiFastify, { endpoint, path: "/s" });
    expect(calls).toEqual([]);
    await app.ready();
    expect(endpoint.attach).toHaveBeenCalledWith(app.server, { path: "/s" });
    await app.close();
    expect(calls).toEqual(["attach /s", "close"]);
  });
});
