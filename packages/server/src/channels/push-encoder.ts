import type { JsonValue } from "@musubi/protocol";
import { type Outgoing, pushMessage } from "./outgoing.js";

/**
 * Makes the pushes of one channel, as {@link pushMessage} does.
 *
 * Remembers what those of one event begin with: a channel sends mostly one event, to which that is a good part of the
 * work for a payload of a few hundred bytes.
 */
export class PushEncoder {
  readonly #joinRef: JsonValue;
  readonly #topic: string;
  #event: string | undefined;
  #head = "";

  constructor(joinRef: JsonValue, topic: string) {
    this.#joinRef = joinRef;
    this.#topic = topic;
  }

  /** Throws for a payload that cannot be encoded. */
  encode(event: string, payload: unknown): Outgoing {
    if (payload instanceof Uint8Array) return pushMessage(this.#joinRef, this.#topic, event, payload);
    if (event !== this.#event) {
      this.#head = `[${JSON.stringify(this.#joinRef)},null,${JSON.stringify(this.#topic)},${JSON.stringify(event)},`;
      this.#event = event;
    }
    // What JSON has no word for is null in an array.
    const body = payload === undefined ? "{}" : ((JSON.stringify(payload) as string | undefined) ?? "null");
    // The engine puts a long text together when it is read, which a transport that takes the pieces does not.
    return { data: `${this.#head}${body}]`, head: this.#head, body, refusal: undefined, wire: undefined };
  }
}
