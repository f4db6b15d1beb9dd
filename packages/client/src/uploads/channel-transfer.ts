import { CHUNK, isObject, UPLOAD_TOPIC, type UploadError } from "@musubi/protocol";
import { LiveChannel } from "../connection/live-channel.js";
import { OneTimer } from "../one-timer.js";
import type { Send } from "./transfer.js";
import { nextTransfer, type TransferEvent, type TransferState } from "./transfer-state.js";
import { readUploadError } from "./upload-error.js";

/** Milliseconds to wait for the answer to a join or a chunk, with the socket connected. */
export const CHUNK_TIMEOUT_MS = 30_000;

/** Bytes of a chunk where the server does not say; and the most whatever it says, since a chunk is held in memory. */
const DEFAULT_CHUNK_BYTES = 64_000;
const MAX_CHUNK_BYTES = 4 * 1024 * 1024;

/** Crashes of the server's side of a channel, without a chunk answered between them, that are got over. */
const MAX_CRASHES = 3;

/** Error replies to a chunk upon which it is pushed again, how often, and after how many milliseconds. */
const BUSY = ["rate_limited", "overloaded"];
const MAX_REFUSALS = 10;
export const BUSY_DELAY_MS = 1_000;

/** Drives `transfer-state.ts`: a file over its own channel. Only one chunk of the file is in memory at a time. */
export const sendOverChannel: Send<"channel"> = ({ host, ref, file, answer, chunkBytes, onProgress, onEnd }) => {
  const { socket, clock } = host;
  const { size } = file;
  const most = Math.min(isCount(chunkBytes) && chunkBytes > 0 ? chunkBytes : DEFAULT_CHUNK_BYTES, MAX_CHUNK_BYTES);
  const timer = new OneTimer(clock);
  let state: TransferState = "joining";
  /** The server has what is before. */
  let at = 0;
  let drops = 0;
  /** Since the last chunk that was answered ok. */
  let crashes = 0;
  let refusals = 0;
  let chunk: ArrayBuffer;
  let tell: () => void;

  const send = (event: TransferEvent): void => {
    const [next, effect] = nextTransfer(state, event);
    state = next;
    if (effect !== undefined) void effects[effect]();
  };
  const end = (told: () => void): void => {
    tell = told;
    send("end");
  };
  const fail = (error: UploadError): void => end(() => onEnd(error));
  const goOn = (event: "joined" | "acked", offset: number): void => {
    at = offset;
    if (at < size) send(event);
    else end(onEnd);
  };
  const push = (): void => {
    channel?.push(CHUNK, chunk, CHUNK_TIMEOUT_MS, ({ status, response }) => {
      if (status === "ok") {
        crashes = refusals = 0;
        return goOn("acked", at + most);
      }
      const error = readUploadError(response, status === "timeout" ? "chunk_timeout" : "internal");
      if (BUSY.includes(error.code) && ++refusals <= MAX_REFUSALS) timer.start(BUSY_DELAY_MS, push);
      else fail(error);
    });
  };
  const effects = {
    /** The time without a connection does not count. */
    await_join: (): void => {
      const wasConnected = socket.isConnected();
      timer.start(CHUNK_TIMEOUT_MS, () => {
        if (wasConnected && socket.isConnected()) fail(readUploadError(undefined, "chunk_timeout"));
        else effects.await_join();
      });
    },
    read: async (): Promise<void> => {
      const before = drops;
      let next: () => void;
      try {
        onProgress(Math.floor((at * 100) / size));
        const bytes = ofThisRealm(await file.slice(at, at + most).arrayBuffer());
        next = () => {
          chunk = bytes;
          send("read");
        };
      } catch (cause) {
        next = () => fail({ code: "internal", message: `The file cannot be read: ${String(cause)}` });
      }
      // What an older join asked for is not wanted any more.
      if (before === drops) next();
    },
    push,
    end: (): void => {
      timer.stop();
      channel?.leave();
      tell();
    },
  };

  effects.await_join();
  let channel: LiveChannel | undefined;
  channel = new LiveChannel(host, UPLOAD_TOPIC + ref, () => ({ token: answer.token }), {
    handleJoined: (response) => {
      const offset = isObject(response) ? response["offset"] : 0;
      timer.stop();
      goOn("joined", isCount(offset) && offset <= size ? offset : 0);
    },
    handleUnjoined: (how, reason) => {
      if (reason?.kind === "join_refused") {
        const error = readUploadError(reason.details, "internal");
        // A server that had let it in and does not any more has begun anew.
        return fail(state === "rejoining" ? { ...error, code: "interrupted" } : error);
      }
      if (how === "channel_closed") {
        channel = undefined;
        return fail(CLOSED);
      }
      // The time for the answer to a join is counted here.
      if (reason?.kind === "join_timeout") return;
      // With the connection up it was the server's side that failed, and phoenix.js would try for ever.
      if (reason !== undefined && ++crashes > MAX_CRASHES) return fail(CLOSED);
      drops++;
      send("dropped");
    },
    handleMessage: () => {},
  });
  return () => end(() => {});
};

const CLOSED: UploadError = { code: "internal", message: "The server ended the upload." };

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

/** phoenix.js sends as bytes what is an ArrayBuffer of its own realm, and anything else as JSON. */
function ofThisRealm(bytes: ArrayBuffer): ArrayBuffer {
  return bytes.constructor === ArrayBuffer ? bytes : new Uint8Array(bytes).slice().buffer;
}
