/**
 * What holds after every step of a scenario, whatever it is about. The numbers are those of failures' messages.
 *
 * On the wire, looked at with every frame:
 * 1. Nothing is pushed in a join before its ok, and nothing but `phx_join` outside of one.
 * 2. No push names a root that is not mounted in this join, nor one whose `unmount` is on its way.
 * 3. A command is pushed once; on a server with `idempotent_commands` once per join, and never after its reply.
 * 4. `resume` names the version that the client has.
 *
 * On each mounted root, looked at with every frame and after every step:
 * 5. The version has no gaps: it is the one of the last envelope that had to be applied.
 * 6. The tree and its streams are what protocol.md sections 3 to 5 make of the frames.
 * 7. A store's listener fires exactly once for an envelope that changed the store, and never for one of a sibling.
 * 8. After its first state a root's snapshot is never `undefined` again.
 * 9. Snapshots are frozen at every depth.
 * 10. Snapshots are the identical objects until something in them changes.
 *
 * Everywhere:
 * 11. Nothing throws out of a callback of the socket.
 * 12. No promise is rejected with nobody to hear of it, and nothing is reported to the logger as an error.
 *
 * At the end, when the client has disconnected:
 * 13. Every command has had its one outcome.
 * 14. No timer is left, no root, no channel, and no listener on the socket.
 * 15. Every push of the client was named by a step.
 */
export const INVARIANTS = {
  1: "nothing is pushed before its join is ok",
  2: "nothing is pushed for a root that is not mounted",
  3: "a command is pushed once",
  4: "resume names the version that the client has",
  5: "versions have no gaps",
  6: "the tree is what the envelopes say",
  7: "a listener fires once for an envelope that changed its store, and never for a sibling",
  8: "no snapshot becomes undefined after its first state",
  9: "snapshots are frozen",
  10: "snapshots are identical until something in them changes",
  11: "nothing throws out of a callback of the socket",
  12: "no rejection is unhandled, and no error is logged",
  13: "every command has one outcome",
  14: "nothing is left at the end",
  15: "every push is named by a step",
} as const;

/** The number of an invariant. */
export type Invariant = keyof typeof INVARIANTS;

/** An invariant that does not hold. */
export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, what: string) {
    super(`invariant ${invariant} does not hold (${INVARIANTS[invariant]}): ${what}`);
    this.name = "Violation";
    this.invariant = invariant;
  }
}
