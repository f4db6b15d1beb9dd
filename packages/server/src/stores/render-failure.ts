import { MusubiError } from "@musubi/protocol";
import type { Instance } from "./instance.js";

/** A render of this root failed: it goes down. The cause says what happened and where. */
export class RenderFailure extends MusubiError {
  constructor(instance: Instance, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super("render_failed", `${instance.label} failed to render: ${why}`, { cause });
  }
}
