import { Profiler, type ReactElement } from "react";
import { counts } from "./counts.js";

/** What is shown while there is nothing to show yet. */
export function Fallback(): ReactElement {
  return (
    <Profiler id="fallback" onRender={(_id, phase) => (counts.fallbacks += phase === "mount" ? 1 : 0)}>
      loading
    </Profiler>
  );
}
