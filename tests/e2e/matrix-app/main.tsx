import { createSocket } from "@musubi/client/socket";
import { Socket } from "phoenix";
import { Profiler, type ReactElement, StrictMode, useState, version } from "react";
import { createRoot } from "react-dom/client";
import { counts, countRender } from "./counts.js";
import { musubi } from "./musubi.js";
import { Room } from "./room.js";
import { SuspendingRoom } from "./suspending-room.js";

counts.react = version;
const asked = new URLSearchParams(location.search);
const isSuspending = asked.get("hook") === "useMusubiRootSuspense";
const url = `ws://127.0.0.1:${asked.get("port")}/socket`;
const heartbeatIntervalMs = Number(asked.get("heartbeat") ?? 30_000);
const soon = { baseMs: 20, capMs: 20 };
const socket = asked.has("createSocket")
  ? createSocket(Socket, url, { reconnectBackoff: soon, rejoinBackoff: soon, probeTimeoutMs: 500, heartbeatIntervalMs })
  : new Socket(url, { reconnectAfterMs: () => 20, rejoinAfterMs: () => 20, heartbeatIntervalMs });

function App(): ReactElement {
  const [isThere, setIsThere] = useState(true);
  return (
    <>
      <p>
        {isThere ? (
          <Profiler id="view" onRender={() => countRender(isSuspending)}>
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
