import { MusubiError } from "@musubi/protocol";
import type { ChannelDefinition } from "./channel.js";

interface Route {
  readonly text: string;
  readonly isPrefix: boolean;
  readonly definition: ChannelDefinition;
}

/** Finds the channel of a topic; the first definition that matches wins, as in Phoenix. */
export class ChannelRouter {
  readonly #routes: readonly Route[];

  /** Throws `invalid_usage` for a topic that is empty or has a `*` anywhere but at its end. */
  constructor(definitions: readonly ChannelDefinition[]) {
    this.#routes = definitions.map((definition) => {
      const { topic } = definition;
      const star = topic.indexOf("*");
      if (topic === "" || (star !== -1 && star !== topic.length - 1)) {
        throw new MusubiError(
          "invalid_usage",
          `channel topic ${JSON.stringify(topic)} is no topic: write a whole one, or a prefix followed by one "*"`,
        );
      }
      return star === -1
        ? { text: topic, isPrefix: false, definition }
        : { text: topic.slice(0, -1), isPrefix: true, definition };
    });
  }

  match(topic: string): ChannelDefinition | undefined {
    for (const route of this.#routes) {
      if (route.isPrefix ? topic.startsWith(route.text) : topic === route.text) return route.definition;
    }
    return undefined;
  }
}
