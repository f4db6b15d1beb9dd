import { type ReactElement, Suspense, useState } from "react";
import { Fallback } from "./fallback.js";
import { musubi } from "./musubi.js";

/** As `Room`, by the hook that suspends. */
export function SuspendingRoom(): ReactElement {
  return (
    <Suspense fallback={<Fallback />}>
      <Content />
    </Suspense>
  );
}

function Content(): ReactElement {
  const store = musubi.useMusubiRootSuspense({ module: "Room", id: "a" });
  const title = musubi.useMusubiSnapshot(store, (room) => room.title);
  const [clicks, setClicks] = useState(0);
  // A hook may come here.
  return (
    <button onClick={() => setClicks(clicks + 1)}>
      {title}, first edition, {clicks} clicks
    </button>
  );
}
