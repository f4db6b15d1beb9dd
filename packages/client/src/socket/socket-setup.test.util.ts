import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { type CreateSocketOptions, createSocket, type SocketExtras } from "../socket.js";
import { LineServer } from "./line-server.test.util.js";
import { SleepyClock } from "./sleepy-clock.test.util.js";

export let server: LineServer;
export let clock: SleepyClock;
let sockets: (Socket & SocketExtras)[];
let rejections: unknown[];
export const logger = { warn: vi.fn(), error: vi.fn() };
const noteRejection = (reason: unknown) => rejections.push(reason);

beforeEach(() => {
  vi.clearAllMocks();
  server = new LineServer();
  clock = new SleepyClock();
  sockets = [];
  rejections = [];
  process.on("unhandledRejection", noteRejection);
});

afterEach(async () => {
  for (const socket of sockets) socket.disconnect();
  await turn();
  process.off("unhandledRejection", noteRejection);
  expect(rejections).toEqual([]);
  expect(clock.pending).toBe(0);
});

export const turn = () => new Promise((resolve) => setTimeout(resolve, 3));
export const create = (options: CreateSocketOptions = {}) => {
  const socket = createSocket(Socket, "ws://line/socket", {
    transport: server.transport,
    clock,
    logger,
    random: () => 0.5,
    ...options,
  });
  sockets.push(socket);
  return socket;
};
export const open = async (options?: CreateSocketOptions) => {
  const socket = create(options);
  socket.connect();
  await eventually(() => socket.statusDetail.current.transport === "open");
  return socket;
};
export const standing = (socket: SocketExtras) => socket.statusDetail.current.transport;
/** What is left of the wait before the next attempt, which is then made. */
export const nextDelay = async (socket: SocketExtras): Promise<number> => {
  await eventually(() => standing(socket) === "waiting", "the socket waits");
  const delayMs = (socket.statusDetail.current.nextRetryAt ?? Number.NaN) - clock.now();
  const attempts = server.urls.length;
  clock.advance(delayMs);
  await eventually(() => server.urls.length === attempts + 1, "the next attempt");
  return delayMs;
};
/** Tokens t1, t2, ... each a turn later. */
export const numbered = () => {
  let count = 0;
  return async () => {
    await Promise.resolve();
    return `t${++count}`;
  };
};
