import type { MusubiError } from "@musubi/protocol";
import type { RootMessage } from "./live-channel.js";
import type { RootIdentity } from "./root-identity.js";

/** From where a root is to go on, on a server that keeps sessions. */
export interface ResumePoint {
  readonly epoch: string;
  readonly version: number;
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

/** A root as its link knows it, and tells it what happens. */
export interface LinkedRoot extends RootIdentity {
  /** Whether it could go on from where it is, so that the server shall keep it. */
  readonly canResume: boolean;
  /** A join began: the root may be mounted. */
  handleJoin(): void;
  /** The join ended, with every wait that belonged to it. */
  handleDrop(): void;
  /**
   * The mount was answered. `epoch` names this life of the root, on servers that keep sessions; when it is resumed, the
   * envelopes after the resume point follow rather than an initial one.
   */
  handleMounted(epoch?: string, isResumed?: boolean): void;
  handleMountRefused(error: MusubiError): void;
  handleUnmounted(): void;
  /** A message of this root, its payload unchecked. */
  handleMessage(event: RootMessage, payload: unknown): void;
  /** Messages of this root were lost, or make no sense: it has to be mounted anew. */
  recover(why: string): void;
}
