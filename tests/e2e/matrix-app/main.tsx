import { Socket } from "phoenix";
import { Profiler, type ReactElement, StrictMode, useState, version } from "react";
import { createRoot } from "react-dom/client";
import { counts } from "./counts.js";
import { musubi } from "./musubi.js";
import { Room } from "./room.js";
import { SuspendingRoom } from "./suspending-room.js";

counts.react = version;
const asked = new URLSearchParams(location.search);
const isSuspending = asked.get("hook") === "useMusubiRootSuspense";
const socket = new Socket(`ws://127.0.0.1:${asked.get("port")}/socket`, {
  reconnectAfterMs: () => 20,
  rejoinAfterMs: () => 20,
});

function App(): ReactElement {
  const [isThere, setIsThere] = useState(true);
  return (
    <>
      <p>
        {isThere ? (
          <Profiler id="view" onRender={() => counts.renders++}>
            {isSuspending ? <SuspendingRoom /> : <Room />}
          </Profiler>
        ) : null}
      </p>
      <button id="leave" onClick={() => setIsThere(false)}>
        leave
      </button>
    </>
  );
}

const root = createRoot(document.querySelector("#app") ?? document.body);
root.render(
  <StrictMode>
    <musubi.MusubiProvider socket={socket}>
      <App />
    </musubi.MusubiProvider>
  </StrictMode>,
);
