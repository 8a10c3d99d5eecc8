/** WebSocket subprotocol of client connections. A change that version N - 1 cannot read gets a new name. */
export const CLIENT_SUBPROTOCOL = 'parley.v1'
/** Version of the client messages inside the subprotocol. */
export const PROTOCOL_VERSION = 1
/** Version of the link between pod and speech worker: of `link.hello` and `worker.hello`. */
export const LINK_VERSION = 1
/** WebSocket subprotocol between a pod and a speech worker. */
export const LINK_SUBPROTOCOL = 'parley-link.v1'
