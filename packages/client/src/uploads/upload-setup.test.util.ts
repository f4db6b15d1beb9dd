import { FakeClock, type ReceivedMessage, type TestSocket } from "@musubi/testing";
import { afterEach, beforeEach, expect, vi } from "vitest";
import {
  type AnyRegistry,
  connect,
  type ExternalUpload,
  type Logger,
  type MountedStore,
  type MusubiConnection,
  type UploadHandle,
} from "../index.js";
import type { UploadEntry } from "@musubi/protocol";
import { UploadServer } from "./upload-server.test.util.js";

export let uploads: UploadServer;
export let socket: TestSocket;
export let clock: FakeClock;
export let connection: MusubiConnection<AnyRegistry>;
export let mounted: MountedStore<string, AnyRegistry>;
/** The slot `photos` of the mounted root. */
export let slot: UploadHandle;
/** What the uploader `s3` was given. */
export const sent: ExternalUpload[] = [];
let settle: (outcome?: unknown) => void = () => {};
export const logger = { warn: vi.fn(), error: vi.fn() } satisfies Logger;

export const uploaders = {
  s3: (upload: ExternalUpload): Promise<void> => {
    sent.push(upload);
    return new Promise<void>((resolve, reject) => {
      settle = (outcome) => (outcome === undefined ? resolve() : reject(outcome));
    });
  },
};

beforeEach(async () => {
  vi.clearAllMocks();
  sent.length = 0;
  clock = new FakeClock();
  await open(new UploadServer());
});

afterEach(async () => {
  await connection.disconnect();
  expect(clock.pending).toBe(0);
  expect(uploads.topics("phx_leave").sort()).toEqual(Array.from(new Set(uploads.topics("phx_join"))).sort());
  expect(logger.error).not.toHaveBeenCalled();
  socket.disconnect();
});

async function open(server: UploadServer): Promise<void> {
  uploads = server;
  socket = uploads.createSocket();
  connection = await connect<AnyRegistry>(socket, { clock, logger, uploaders, random: () => 0.5 });
  mounted = await connection.mountStore({ module: "Album", id: "a" });
  slot = (mounted.store as { photos?: UploadHandle }).photos as UploadHandle;
}

/** Makes the server keep the root over drops. */
export async function resumable(): Promise<void> {
  await connection.disconnect();
  socket.disconnect();
  const server = Object.assign(new UploadServer(), { answerEntry: uploads.answerEntry });
  server.keepRoot();
  await open(server);
}

/** Ends what the uploader was given last: well, or with an error. */
export const finish = (outcome?: unknown): void => settle(outcome);
export const file = (text: string, name: string = `${text}.txt`): File =>
  new File([text], name, { type: "text/plain" });
/** Ref, status, progress and error codes of each entry. */
export const brief = (): unknown[][] =>
  slot.entries.map(({ ref, status, progress, errors }) => [ref, status, progress, ...errors.map(({ code }) => code)]);
export const pushed = (event: string): number => uploads.server.messages(event).length;
/** Lets everything that is under way get as far as it can. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3));

/** Keeps the server's answers to an event back; returns what came. */
export function hold(event: string): { readonly messages: ReceivedMessage[]; proceed(): void } {
  const messages: ReceivedMessage[] = [];
  const proceeds: (() => void)[] = [];
  uploads.take = (found, message, proceed) => {
    const isIt = found === event && (event !== "phx_join" || message.topic.startsWith("musubi_upload:"));
    if (isIt) messages.push(message);
    if (isIt) proceeds.push(proceed);
    return isIt;
  };
  return { messages, proceed: () => proceeds.shift()?.() };
}

/** The entry that the scripted server adds for a file. */
export const entryOf = (ref: string, name: string, size: number): UploadEntry => ({
  ref,
  client_name: name,
  client_size: size,
  client_type: "text/plain",
  progress: 0,
  status: "pending",
  errors: [],
});
