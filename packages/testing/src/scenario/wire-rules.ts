import { COMMAND, isObject, MOUNT, PHX_JOIN, PHX_LEAVE, PHX_REPLY, UNMOUNT } from "@musubi/protocol";
import type { ReceivedMessage } from "../scripted-server.js";
import { Violation } from "./invariants.js";
import { show } from "./match.js";
import type { Reference } from "./reference.js";

/** Invariants 1 to 4: what the client may push, judged before the reference hears of the push. */
export class WireRules {
  readonly #reference: Reference;
  /** How many commands the scenario has dispatched. */
  dispatched = 0;
  #pushedWithoutId = 0;
  #session = 0;
  #sessionId: unknown;
  readonly #pushedIn = new Map<string, string | null>();
  readonly #repliedIds = new Set<string>();
  readonly #idsByRef = new Map<string, string>();
  #dismissed = new Set<string>();

  constructor(reference: Reference) {
    this.#reference = reference;
  }

  /** Throws a {@link Violation} for a push that may not be. */
  check(message: ReceivedMessage): void {
    const { event } = message;
    if (event === PHX_JOIN) this.#dismissed = new Set();
    if (event === PHX_JOIN || event === PHX_LEAVE) return;
    const payload = isObject(message.payload) ? message.payload : {};
    if (!this.#reference.isJoined || message.joinRef !== this.#reference.joinRef) {
      throw new Violation(1, `${event} ${show(payload)} was pushed while the join had no ok`);
    }
    if (event === MOUNT) return this.#checkResume(payload);
    if (typeof payload["root_id"] === "string") this.#checkRoot(event, payload["root_id"], payload);
    if (event === COMMAND) this.#checkCommand(message, payload);
  }

  /** A reply reaches the client. */
  handleReply(message: ReceivedMessage): void {
    if (message.event !== PHX_REPLY || !isObject(message.payload)) return;
    const { response } = message.payload;
    const session = isObject(response) && isObject(response["session"]) ? response["session"]["id"] : undefined;
    if (session !== undefined && session !== this.#sessionId) {
      this.#sessionId = session;
      this.#session++;
    }
    const id = message.ref === null ? undefined : this.#idsByRef.get(message.ref);
    if (id !== undefined) this.#repliedIds.add(id);
  }

  #checkResume(payload: Readonly<Record<string, unknown>>): void {
    const { resume } = payload;
    if (!isObject(resume)) return;
    const { version } = this.#reference.root(`${String(payload["module"])}:${String(payload["id"])}`);
    if (resume["version"] === version) return;
    throw new Violation(4, `it asks to resume from ${show(resume["version"])}, and has ${version}`);
  }

  #checkRoot(event: string, rootId: string, payload: object): void {
    const roots = Array.from(this.#reference.roots.values());
    const phase = roots.find((root) => root.rootId === rootId)?.phase;
    const isMounted = phase !== undefined && phase !== "none" && phase !== "unmounting";
    if (isMounted) return;
    // One unmount per join may go to a root that nobody here mounted.
    if (event === UNMOUNT && phase === undefined && !this.#dismissed.has(rootId)) {
      this.#dismissed.add(rootId);
      return;
    }
    const why = phase === "unmounting" ? "its unmount is on its way" : "it is not mounted in this join";
    throw new Violation(2, `${event} ${show(payload)} was pushed for root "${rootId}", and ${why}`);
  }

  #checkCommand({ joinRef, ref }: ReceivedMessage, payload: Readonly<Record<string, unknown>>): void {
    const number = payload["command_id"];
    if (number === undefined) {
      if (++this.#pushedWithoutId <= this.dispatched) return;
      throw new Violation(3, `${show(payload)} is one push more than commands were dispatched`);
    }
    const id = `${this.#session}/${show(number)}`;
    if (this.#repliedIds.has(id)) throw new Violation(3, `${show(payload)} was pushed after its reply`);
    if (this.#pushedIn.get(id) === joinRef) throw new Violation(3, `${show(payload)} was pushed twice in one join`);
    this.#pushedIn.set(id, joinRef);
    if (ref !== null) this.#idsByRef.set(ref, id);
  }
}
