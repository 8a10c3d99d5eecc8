// The WebSocket class and options that the upgrade has to use for clients, so that even a message `ws` itself refuses is
// answered with a reason before the close frame.
import { type ServerOptions, WebSocket } from 'ws'

/**
 * Longest message `ws` assembles. Above the protocol's own limits, so that a moderately long message is refused by us in
 * words; far below what would hurt, because this much may be buffered per connection.
 */
export const CLIENT_MAX_PAYLOAD_BYTES = 65_536

export class ClientSocket extends WebSocket {
  /** Told when `ws` is about to close the connection over what the peer sent; the last chance to send. */
  onFault: ((closeCode: number) => void) | undefined

  override close(code?: number, reason?: string | Buffer): void {
    // Without a reason, but with a code: this is the receiver's verdict on the peer's bytes. Nobody else closes that way.
    if (code !== undefined && reason === undefined && this.readyState === WebSocket.OPEN) this.onFault?.(code)
    super.close(code, reason)
  }
}

/** Options of the client-facing WebSocketServer, besides `noServer` and `handleProtocols`. */
export const CLIENT_SOCKET_OPTIONS = {
  WebSocket: ClientSocket,
  maxPayload: CLIENT_MAX_PAYLOAD_BYTES,
  perMessageDeflate: false,
  clientTracking: false,
} as const satisfies ServerOptions<typeof ClientSocket>
