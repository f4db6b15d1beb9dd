/** Reserved events of Phoenix Channels (protocol.md section 1). */
export const PHX_JOIN = "phx_join";
export const PHX_LEAVE = "phx_leave";
export const PHX_REPLY = "phx_reply";
export const PHX_ERROR = "phx_error";
export const PHX_CLOSE = "phx_close";

/** The topic that the socket itself answers, and its one event (protocol.md section 1). */
export const PHOENIX_TOPIC = "phoenix";
export const HEARTBEAT = "heartbeat";

/** The topic of the connection channel unless the app chooses another (protocol.md section 2). */
export const CONNECTION_TOPIC = "musubi:connection";

/** Events of the connection channel (protocol.md section 2). */
export const MOUNT = "mount";
export const UNMOUNT = "unmount";
export const COMMAND = "command";
export const PATCH = "patch";
export const ROOT_DOWN = "root_down";
export const SETTLED = "settled";

/** Events of uploads on the connection channel (protocol.md section 6). */
export const ALLOW_UPLOAD = "allow_upload";
export const CANCEL_UPLOAD = "cancel_upload";
export const UPLOAD_PROGRESS = "upload_progress";
export const UPLOAD_ERROR = "upload_error";

/** An upload's own channel: its topic is this with the `entry_ref`, its one event carries bytes (protocol.md section 6). */
export const UPLOAD_TOPIC = "musubi_upload:";
export const CHUNK = "chunk";
