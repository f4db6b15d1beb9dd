import { UPLOAD_TOPIC } from "@musubi/protocol";
import { type ChannelContext, type ChannelDefinition, error, joined, refused, stop } from "../channels/channel.js";
import { refusal } from "../stores/failure.js";
import type { Entry, EntryChannel } from "./entry.js";
import type { UploadService } from "./upload-service.js";
import { claimsOf } from "./upload-tokens.js";

/** A join of an entry's channel. */
interface Holder extends EntryChannel {
  readonly entry: Entry;
}

const INVALID_TOKEN = refused(refusal("invalid_token"));
const UNKNOWN_UPLOAD = refused(refusal("unknown_upload"));

/**
 * The channels that bring files (protocol.md section 6): joined with a token, one `chunk` after the other, each answered
 * when it is written. They never pass the mailbox of their root.
 */
export function uploadChannel(service: UploadService): ChannelDefinition<Holder> {
  return {
    topic: `${UPLOAD_TOPIC}*`,
    async join(ctx, payload) {
      const claims = service.tokens.verify(tokenOf(payload));
      if (claims === null) return INVALID_TOKEN;
      const entry = service.find(ctx.topic.slice(UPLOAD_TOPIC.length));
      if (entry === undefined || !entry.isChannel) return UNKNOWN_UPLOAD;
      const expiresAt = claims[claims.length - 1] as number;
      const right = claimsOf(entry, ownerOf(ctx.socket), expiresAt);
      // One who has begun may go on for as long as the entry waits for it.
      const isTimely = entry.hasBegun || service.nowMs < expiresAt;
      if (!isTimely || right.some((claim, at) => claim !== claims[at])) return INVALID_TOKEN;
      const holder: Holder = { entry, end: () => ctx.send("end") };
      const offset = await entry.join(holder);
      return offset === null ? UNKNOWN_UPLOAD : joined(holder, { offset });
    },
    handlers: {
      chunk: (ctx, payload) =>
        payload instanceof Uint8Array
          ? ctx.state.entry.chunk(ctx.state, payload)
          : error(refusal("malformed_message", { message: "A chunk is bytes." })),
    },
    fallback: () => error(refusal("unknown_event")),
    info: () => stop("normal"),
    terminate: (ctx: ChannelContext<Holder>) => ctx.state.entry.leave(ctx.state),
  };
}

/** Whose connection it is, as far as the `connect` hook has said: its id, and the user or the user's id. */
export function ownerOf({ id, user }: { readonly id: string | null; readonly user: unknown }): string {
  const named = typeof user === "object" && user !== null ? (user as { readonly id?: unknown }).id : user;
  return JSON.stringify([id, ["string", "number"].includes(typeof named) ? named : null]);
}

function tokenOf(payload: unknown): unknown {
  return typeof payload === "object" && payload !== null ? (payload as { readonly token?: unknown }).token : undefined;
}
