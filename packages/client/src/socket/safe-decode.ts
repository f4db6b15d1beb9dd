import { isObject } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import type { Decode, PhoenixMessage } from "./phoenix-socket.js";

/**
 * A `decode` that no frame can make throw: one that cannot be read, or is no Phoenix message, is dropped, and each of
 * these two causes is reported once. What a callback of the app throws is reported every time.
 */
export function createSafeDecode(decode: Decode, logger: Logger): Decode {
  const reported = new Set<string>();
  const drop = (cause: string, details?: unknown): void => {
    if (reported.has(cause)) return;
    reported.add(cause);
    logger.error(`A frame that ${cause} was dropped; others will be without a word.`, details);
  };
  return (data, callback) => {
    const deliver = (message: PhoenixMessage): void => {
      if (!isMessage(message)) return drop("is no Phoenix message");
      try {
        callback(message);
      } catch (error) {
        logger.error(`A callback threw on ${message.event} of ${message.topic}.`, error);
      }
    };
    try {
      decode(data, deliver);
    } catch (error) {
      drop("cannot be read", error);
    }
  };
}

function isMessage(message: unknown): message is PhoenixMessage {
  return (
    isObject(message) &&
    typeof message["topic"] === "string" &&
    typeof message["event"] === "string" &&
    isRef(message["ref"]) &&
    isRef(message["join_ref"]) &&
    message["payload"] != null
  );
}

function isRef(ref: unknown): boolean {
  return typeof (ref ?? "") === "string";
}
