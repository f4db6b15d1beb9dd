/**
 * Every code that one of our errors can carry: what it means and whether asking again, unchanged, can help.
 *
 * An app's own reasons (a mount refusal, a command's error reply) are not listed here: they ride untouched in
 * `details` and `reply`.
 */
export const ERROR_CODES = {
  // Wire input
  malformed_frame: { retryable: false, meaning: "a frame that is no Phoenix V2 message" },
  malformed_envelope: { retryable: true, meaning: "an envelope of the wrong shape; the root recovers" },
  malformed_message: { retryable: false, meaning: "a message to the server of the wrong shape" },
  invalid_pointer: { retryable: false, meaning: "a path that is no RFC 6901 pointer or names a prototype key" },
  path_not_found: { retryable: true, meaning: "a path that leads nowhere in the tree; the root recovers" },
  too_deep: { retryable: false, meaning: "a JSON value nested deeper than 256 levels" },
  // Client: connection
  join_refused: { retryable: false, meaning: "the server refused the join of the connection channel" },
  socket_closed: { retryable: false, meaning: "the server closed the socket and said not to come back" },
  disconnected: { retryable: true, meaning: "the connection was closed by this client" },
  // Client: roots
  mount_refused: { retryable: false, meaning: "the server refused the mount; its reason is in details" },
  mount_timeout: { retryable: true, meaning: "no answer to a mount in time" },
  mount_crashed: { retryable: false, meaning: "mounting this root crashed the server's channel twice" },
  not_loaded: { retryable: true, meaning: "code that is loaded when it is needed could not be" },
  root_id_taken: { retryable: false, meaning: "another module holds this id on a server that names roots by id alone" },
  invalid_id: { retryable: false, meaning: "a module or id that this topology cannot make a topic of" },
  root_down: { retryable: false, meaning: "the server ended this root and will not restart it" },
  inconsistent: { retryable: false, meaning: "server and client disagree on what is mounted" },
  unmounted: { retryable: false, meaning: "the root was unmounted before this ended" },
  // Client: commands
  command_failed: { retryable: false, meaning: "the server answered the command with an error" },
  command_timeout: { retryable: true, meaning: "no answer to a command in time" },
  interrupted: { retryable: true, meaning: "the command ended before an answer could come" },
  aborted: { retryable: true, meaning: "the caller's signal ended the command" },
  offline: { retryable: true, meaning: "the command was not to wait for the connection" },
  queue_full: { retryable: true, meaning: "too many commands wait for the connection" },
  store_gone: { retryable: false, meaning: "the store has left the tree" },
  // Client: uploads (protocol.md section 6), with interrupted, store_gone and internal
  too_large: {
    retryable: false,
    meaning: "a file larger than its slot takes, or a message larger than the server keeps",
  },
  too_many_files: { retryable: false, meaning: "more files than their slot takes" },
  not_accepted: { retryable: false, meaning: "a file of a kind that its slot does not take" },
  chunk_timeout: { retryable: true, meaning: "no answer to a part of a file in time" },
  chunk_too_large: { retryable: false, meaning: "a part of a file larger than the server takes" },
  external_failed: { retryable: true, meaning: "the app's own uploader failed" },
  unknown_uploader: { retryable: false, meaning: "the server names an uploader that the app did not give to connect" },
  preflight_rejected: { retryable: false, meaning: "the server did not take the files" },
  // Server
  overloaded: { retryable: true, meaning: "too much waits already: slow down and try again" },
  unknown_module: { retryable: false, meaning: "the server has no store of this module" },
  unknown_root: { retryable: false, meaning: "this connection has no root of this id" },
  unknown_store: { retryable: false, meaning: "the root's tree has no store of this id" },
  unknown_command: { retryable: false, meaning: "the store has no command of this name" },
  unknown_upload: { retryable: false, meaning: "the store has no upload of this name or ref, or not any more" },
  invalid_token: { retryable: false, meaning: "an upload's token that is forged, expired, or another's" },
  unknown_event: { retryable: false, meaning: "the connection channel takes no message of this event" },
  already_mounted: { retryable: false, meaning: "this connection holds the root already" },
  too_many_roots: { retryable: false, meaning: "this connection holds as many roots as it may" },
  invalid_payload: { retryable: false, meaning: "a value that did not pass its schema; the issues say why" },
  invalid_params: { retryable: false, meaning: "params of a mount that did not pass their schema" },
  timeout: { retryable: true, meaning: "the server's code took too long; what it did was discarded" },
  internal: { retryable: false, meaning: "the server's code failed; the cause is in its log" },
  cancelled: { retryable: false, meaning: "the server cancelled what it did in the background" },
  render_failed: { retryable: true, meaning: "a store failed to render, and its root went down" },
  duplicate_child: { retryable: false, meaning: "two children of one parent have the same id" },
  not_json: { retryable: false, meaning: "a value that JSON cannot say" },
  reserved_field: { retryable: false, meaning: "a field whose name the wire or the clients need" },
  stale_context: { retryable: false, meaning: "a context was used after its message had ended" },
  // Rendering
  async_failed: { retryable: false, meaning: "an async value failed; its reason is in details" },
  server_render: { retryable: false, meaning: "a server rendered what waits for state that it does not have" },
  // Use
  invalid_usage: { retryable: false, meaning: "an argument or a call that can never work" },
} as const;

/** A code of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;
