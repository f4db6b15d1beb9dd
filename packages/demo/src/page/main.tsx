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

/** Waits between attempts, in milliseconds; the last one stays. A server that was restarted is found soon. */
const DELAYS = [100, 250, 500, 1_000, 2_000];
const delay = (tries: number): number => DELAYS[tries - 1] ?? 2_000;

const seat = await openSelf(localStorage, navigator.locks);
const socket = new Socket("/socket", {
  params: () => ({ ...seat.person }),
  reconnectAfterMs: delay,
  rejoinAfterMs: delay,
  heartbeatIntervalMs: 10_000,
});

const container = document.getElementById("root");
if (container === null) throw new Error("index.html has lost its #root.");
createRoot(container).render(
  <StrictMode>
    <App socket={socket} seat={seat} />
  </StrictMode>,
);
