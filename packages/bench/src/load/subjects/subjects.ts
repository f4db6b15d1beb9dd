import { colyseusClient, serveColyseus } from "./colyseus.js";
import { oursClient, serveOurs } from "./ours.js";
import { rawTcpClient, serveRawTcp } from "./raw-tcp.js";
import { serveSocketIo, socketIoClient } from "./socket-io.js";
import { serveStores, storesClient } from "./stores.js";
import type { ClientSide, ServerSide, SubjectName } from "./subject.js";
import { serveWs, wsClient } from "./ws.js";

/** How to start the server of each subject. */
export const SERVERS: Readonly<Record<SubjectName, () => Promise<ServerSide>>> = {
  "raw-tcp": serveRawTcp,
  ws: serveWs,
  ours: serveOurs,
  "socket.io": serveSocketIo,
  colyseus: serveColyseus,
  stores: serveStores,
};

export const CLIENTS: Readonly<Record<SubjectName, ClientSide>> = {
  "raw-tcp": rawTcpClient,
  ws: wsClient,
  ours: oursClient,
  "socket.io": socketIoClient,
  colyseus: colyseusClient,
  stores: storesClient,
};
