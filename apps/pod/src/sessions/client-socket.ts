// The WebSocket class and options that the upgrade has to use for clients, so that even a message `ws` itself refuses is
// answered with a reason before the close frame.
import type { Socket } from 'node:net'
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

  /**
   * Sends `payload` as one text message. Like `send`, in one buffer instead of two: header and payload written apart cost a third of a
   * send, and a caption goes to many. Without compression `ws` keeps no queue of its own, so that the order of both ways is one.
   */
  sendText(payload: Buffer, written?: (error?: Error | null) => void): void {
    // The field is `ws`'s own and undeclared; a missing one (another version) costs speed only.
    const { _socket: socket } = this as unknown as { readonly _socket?: Socket | null }
    if (this.readyState !== WebSocket.OPEN || !socket) this.send(payload, AS_TEXT, written)
    else socket.write(frameOf(payload), written)
  }
}

const AS_TEXT = { binary: false } as const
let lastPayload: Buffer | undefined
let lastFrame: Buffer | undefined

/** An unmasked text frame (RFC 6455 section 5.2). What goes to several connections, one after the other, is framed once. */
function frameOf(payload: Buffer): Buffer {
  if (payload === lastPayload && lastFrame) return lastFrame
  const { length } = payload
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(headerBytes + length)
  frame[0] = 0x81
  if (headerBytes === 2) frame[1] = length
  else if (headerBytes === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeUInt32BE(0, 2)
    frame.writeUInt32BE(length, 6)
  }
  payload.copy(frame, headerBytes)
  lastPayload = payload
  lastFrame = frame
  return frame
}

/** Options of the client-facing WebSocketServer, besides `noServer` and `handleProtocols`. */
export const CLIENT_SOCKET_OPTIONS = {
  WebSocket: ClientSocket,
  maxPayload: CLIENT_MAX_PAYLOAD_BYTES,
  perMessageDeflate: false,
  clientTracking: false,
} as const satisfies ServerOptions<typeof ClientSocket>
