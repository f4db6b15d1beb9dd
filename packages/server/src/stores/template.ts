import type { JsonObject } from "@musubi/protocol";
import type { Instance } from "./instance.js";
import type { Container } from "./write-json.js";

/** A place in a rendered node that a child's node belongs in. */
export interface Hole {
  readonly child: Instance;
  readonly holder: Container;
  readonly key: string | number;
}

/** What a store rendered, still without its children. */
export interface Template {
  readonly node: JsonObject;
  readonly holes: readonly Hole[];
}
