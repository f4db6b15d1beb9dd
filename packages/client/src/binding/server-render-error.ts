import { MusubiError } from "@musubi/protocol";

/**
 * Thrown where state that is not there is waited for on a server, which has no connection to wait on: the fallback is
 * streamed, and the client renders what belongs there.
 */
export class MusubiServerRenderError extends MusubiError {
  constructor() {
    super(
      "server_render",
      "This part waits for state that a server does not have: its fallback is sent, and the client renders it. Give the provider a dehydratedState to have it rendered here.",
    );
    this.name = "MusubiServerRenderError";
  }

  /** Whether `value` is one, also one of another copy of this package. */
  static is(value: unknown): value is MusubiServerRenderError {
    return value instanceof Error && value.name === "MusubiServerRenderError";
  }
}

/** Throws a {@link MusubiServerRenderError} on a server. */
export function requireClient(): void {
  if (typeof window === "undefined") throw new MusubiServerRenderError();
}
