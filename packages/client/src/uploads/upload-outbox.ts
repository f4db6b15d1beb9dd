import type { LinkAnswer } from "../connection/root-link.js";
import type { UploadRoot } from "./upload-root.js";

/** How often something is told at most: it may be what takes the connection away. */
const MAX_TOLD = 3;

/** Something that the server is to be told until it answers. */
export interface Message {
  /** How often it was told. */
  readonly told: number;
  /** Stops telling it: its answer is that there is none. */
  drop(): void;
}

/**
 * What a root's uploads have to tell the server: sent while the root is live, and again after a drop that the root
 * outlived. None of it waits in phoenix.js's buffer.
 */
export interface UploadOutbox {
  /** Sends now, and once: when the root is not live, or goes away before the answer, nothing comes of it. */
  push(event: string, payload: object, answer?: (answer: LinkAnswer) => void): (() => void) | undefined;
  /**
   * Sends as soon as the root is live, until there is an answer: `undefined` when the life of the root that was told, or
   * the root itself, ends before. A time-out is one only for those who asked.
   */
  tell(event: string, payload: object, answer?: (answer: LinkAnswer | undefined) => void): Message;
  /** The root's state is another. */
  review(): void;
}

/** Makes an {@link UploadOutbox}. */
export function createUploadOutbox(root: UploadRoot): UploadOutbox {
  /** Sends what waits, each. */
  const reviews = new Set<() => void>();

  const push: UploadOutbox["push"] = (event, payload, answer = () => {}) =>
    root.link?.push(event, payload, root.host.commandTimeoutMs, answer);
  const isLive = (): boolean => root.state.current.status === "live" && root.link?.isOpen === true;

  return {
    push: (...message) => (isLive() ? push(...message) : undefined),
    tell: (event, payload, answer) => {
      let told = 0;
      let life: string | undefined;
      let undo: (() => void) | undefined;
      const end = (answered?: LinkAnswer): void => {
        undo?.();
        if (reviews.delete(review)) answer?.(answered);
      };
      const review = (): void => {
        const { status } = root.state.current;
        // Another life of the root than the one that was told is not told too: the first may have ended of it.
        const isPast = told > 0 && (told >= MAX_TOLD || life === undefined || life !== root.life());
        if (isPast || status === "closed" || status === "failed") return end();
        if (!isLive()) return;
        told++;
        life = root.life();
        undo = push(event, payload, (answered) => {
          // An end that nobody answers has been lost, it may be, with a connection that is not known to be dead yet.
          if (answered.status !== "timeout" || answer !== undefined) end(answered);
        });
      };
      reviews.add(review);
      review();
      return {
        get told() {
          return told;
        },
        drop: end,
      };
    },
    review: () => {
      for (const review of Array.from(reviews)) review();
    },
  };
}
