// Ends a connection as an RST does, where the runtime lets it.
import type { Socket } from 'node:net'

/**
 * Resets `socket`. One whose FIN is just being sent is only closed: resetting it then would leave its handle open for good, and
 * Node (24) would spin at the end of the process, waiting for it.
 */
export function resetSocket(socket: Socket): void {
  const isFinUnderWay = socket.writableEnded && !socket.writableFinished
  if (isFinUnderWay || socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}
