import type { SessionEnd } from "../channels/socket-session.js";

/** The close code of a silent socket: Bandit's (FRAMES.md, "Closing"). */
export const CLOSE_IDLE = 1002;

/** The close code of each way the server ends a session (RFC 6455 section 7.4.1; FRAMES.md, "Closing"). */
export const CLOSE_CODES: Readonly<Record<SessionEnd, number>> = {
  failed: 1011,
  disconnected: 1001,
  shutdown: 1012,
};
