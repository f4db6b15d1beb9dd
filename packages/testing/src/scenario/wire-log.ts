import { isObject, PATCH, PHX_REPLY } from "@musubi/protocol";
import type { ReceivedMessage } from "../scripted-server.js";
import { show } from "./match.js";

/** The client of a scenario that names none. */
export const ONLY_CLIENT = "client";

/** What passed between clients and server, for people: one line a message, under the step in which it passed. */
export class WireLog {
  readonly #client: string;
  readonly #lines: string[];
  readonly #askedByRef = new Map<string, string>();

  constructor(client: string = ONLY_CLIENT, lines: string[] = []) {
    this.#client = client;
    this.#lines = lines;
  }

  /** The same log, for what passes between another client and the server. */
  of(client: string): WireLog {
    return new WireLog(client, this.#lines);
  }

  beginStep(number: number): void {
    this.#lines.push(`  step ${number}`);
  }

  sent(message: ReceivedMessage): void {
    if (message.ref !== null) this.#askedByRef.set(message.ref, message.event);
    this.#lines.push(`    ${this.#client} > ${message.event} ${show(message.payload)}`);
  }

  received({ event, ref, payload }: ReceivedMessage): void {
    let text = `${event} ${show(payload)}`;
    if (event === PHX_REPLY && isObject(payload)) {
      const asked = this.#askedByRef.get(ref ?? "") ?? "a push";
      text = `${show(payload["status"])} to ${asked} ${show(payload["response"])}`;
    } else if (event === PATCH && isObject(payload)) {
      const { type: _type, root_id, base_version, version, ...lists } = payload;
      text = `patch ${String(root_id)} ${String(base_version)} to ${String(version)} ${show(lists)}`;
    }
    const to = this.#client === ONLY_CLIENT ? "" : ` to ${this.#client}`;
    this.#lines.push(`    server${to} > ${text}`);
  }

  note(what: string): void {
    this.#lines.push(`    ${this.#client === ONLY_CLIENT ? "" : `${this.#client}: `}${what}`);
  }

  /** The log; steps in which nothing passed are left out. */
  toString(): string {
    return this.#lines
      .filter((line, at) => !line.startsWith("  step") || this.#lines[at + 1]?.startsWith("    ") === true)
      .join("\n");
  }
}
