// Distinguishes the channels of several processes, for broadcastFrom across them.
const PROCESS_ID = crypto.randomUUID();
let last = 0;

/** A name that no other channel has, in this process or another. */
export function newChannelId(): string {
  last += 1;
  return `${PROCESS_ID}:${last}`;
}
