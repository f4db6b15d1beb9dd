import { Socket } from "phoenix";
import { type ReactElement, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { LongList } from "./long-list.js";
import { musubi } from "./musubi.js";
import { holdRows, startWatch } from "./watch.js";

declare global {
  interface Window {
    longList: {
      /** How many states of the list have come on screen. */
      shown: number;
      readonly startWatch: typeof startWatch;
      readonly holdRows: typeof holdRows;
    };
  }
}

window.longList = { shown: 0, startWatch, holdRows };
const socket = new Socket("/socket");

/** What people do beside the list. */
function Desk(): ReactElement {
  const [clicks, setClicks] = useState(0);
  const [text, setText] = useState("");
  return (
    <p>
      <button onClick={() => setClicks(clicks + 1)}>{clicks} clicks</button>
      <input aria-label="Note" value={text} onChange={(event) => setText(event.target.value)} />
    </p>
  );
}

createRoot(document.querySelector("#app") ?? document.body).render(
  <StrictMode>
    <musubi.MusubiProvider socket={socket}>
      <Desk />
      <LongList />
    </musubi.MusubiProvider>
  </StrictMode>,
);
