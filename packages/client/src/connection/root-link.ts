import type { MusubiError } from "@musubi/protocol";
import type { Join } from "./join.js";

/** From where a root is to go on, on a server that keeps sessions. */
export interface ResumePoint {
  readonly epoch: string;
  readonly version: number;
}

/** What a mount was answered with. */
export interface MountAnswer {
  /** The identity of this life of the root, on servers that keep sessions. */
  readonly epoch: string | undefined;
  /** Whether the envelopes after the resume point follow, rather than an initial one. */
  readonly isResumed: boolean;
}

/** The answer to something a root pushed; a time-out has no response. */
export interface LinkAnswer {
  readonly status: "ok" | "error" | "timeout";
  readonly response: unknown;
}

/**
 * A root's way to the server, in whichever topology: only implementations know of channels and `root_id`s.
 *
 * Nothing is answered after the join it belongs to has ended; `handleDrop` says that it has.
 */
export interface RootLink {
  /** Whether a push would reach the server now. */
  readonly isOpen: boolean;
  /** Asks for the root, from a resume point if there is one. Ends in `handleMounted` or `handleMountRefused`, or in a drop. */
  mount(params: object, resume?: ResumePoint): void;
  /** Gives the root back. Ends in `handleUnmounted`, or in a drop. To be called only after `handleMounted`. */
  unmount(): void;
  /** Pushes an event of this root; returns the undo of the wait (the push itself cannot be recalled). */
  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void;
}

/** What a link tells its root. */
export interface RootLinkEvents {
  /** A join began: the root may be mounted. */
  handleJoin(join: Join): void;
  /** Whether the root could go on from where it is, so that the server shall keep it. */
  readonly canResume: boolean;
  /** The join ended, with every wait that belonged to it. */
  handleDrop(): void;
  handleMounted(answer: MountAnswer): void;
  handleMountRefused(error: MusubiError): void;
  handleUnmounted(): void;
  /** Messages of this root were lost before it was mounted. */
  handleOverflow(): void;
  /** A `patch` payload, unchecked. */
  handlePatch(payload: unknown): void;
  /** A `root_down` payload, unchecked. */
  handleRootDown(payload: unknown): void;
  /** A `settled` payload, unchecked. */
  handleSettled(payload: unknown): void;
}
