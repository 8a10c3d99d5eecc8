import type { ServerMessage } from '@parley/protocol'

/** A message as the bytes that go to every connection that gets it. */
export function encodeServer(message: ServerMessage): Buffer {
  return Buffer.from(JSON.stringify(message))
}
