/** A phoenix.js socket with what phoenix.js leaves out. phoenix.js itself is the app's: its class is given. */
export { isFinalCloseCode } from "./socket/close-codes.js";
export { createSocket, type SocketExtras } from "./socket/create-socket.js";
export type { PhoenixSocket, PhoenixSocketClass } from "./socket/phoenix-socket.js";
export type { SocketDetail, SocketReason, SocketTransport } from "./socket/socket-detail.js";
export type { CreateSocketOptions, PhoenixOptions } from "./socket/socket-options.js";
export type { TokenFunction } from "./socket/token-source.js";
