/** For heartbeats: longer than any run, so that none is measured. */
export const NEVER_MS = 86_400_000;
