import { type ReactElement, useState } from "react";
import { Fallback } from "./fallback.js";
import { musubi } from "./musubi.js";

/** The component whose file the tests edit. */
export function Room(): ReactElement {
  const root = musubi.useMusubiRoot({ module: "Room", id: "a" });
  const title = musubi.useMusubiSnapshot(root.store, (room) => room.title);
  const [clicks, setClicks] = useState(0);
  // A hook may come here.
  if (root.status !== "ready") return <Fallback />;
  return (
    <button onClick={() => setClicks(clicks + 1)}>
      {title}, first edition, {clicks} clicks
    </button>
  );
}
