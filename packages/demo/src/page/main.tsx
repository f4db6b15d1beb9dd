import { createSocket } from "@musubi/client/socket";
import { Socket } from "phoenix";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.js";
import { openSelf } from "./people/self.js";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/people.css";
import "./styles/board.css";
import "./styles/card.css";
import "./styles/feed.css";
import "./styles/insights.css";
import "./styles/files.css";

const seat = await openSelf(localStorage, navigator.locks);
// One board for a few people: a server that was started again is found soon.
const backoff = { baseMs: 250, capMs: 3_000 };
const socket = createSocket(Socket, "/socket", {
  params: () => ({ ...seat.person }),
  reconnectBackoff: backoff,
  rejoinBackoff: backoff,
  heartbeatIntervalMs: 10_000,
});

const container = document.getElementById("root");
if (container === null) throw new Error("index.html has lost its #root.");
createRoot(container).render(
  <StrictMode>
    <App socket={socket} seat={seat} />
  </StrictMode>,
);
