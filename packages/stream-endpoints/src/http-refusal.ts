// A refused upgrade as a whole HTTP answer on the raw socket (RFC 9457 problem details).
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ParleyError } from '@parley/protocol'

/** Writes the answer and ends the connection: its peer has no way to say anything that would still be read. */
export function refuseUpgrade(socket: Duplex, error: ParleyError, requestId: string): void {
  socket.once('finish', () => socket.destroy())
  socket.end(rawRefusal(error, requestId))
}

function rawRefusal(error: ParleyError, requestId: string): string {
  const { code, entry, details } = error
  const { httpStatus: status, title, fix, hop, retryable } = entry
  const { retryAfterMs, field, value, allowed } = details
  const body = JSON.stringify({
    type: `https://parley.dev/errors/${code}`,
    title,
    status,
    detail: details.message ?? fix,
    code,
    hop,
    retryable,
    requestId,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) }),
    ...(field === undefined ? {} : { field }),
    ...(value === undefined ? {} : { value }),
    ...(allowed === undefined ? {} : { allowed }),
  })
  const headers = [
    'connection: close',
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    `x-request-id: ${requestId}`,
    ...(retryAfterMs === undefined ? [] : [`retry-after: ${Math.max(1, Math.ceil(retryAfterMs / 1000))}`]),
    ...(status === 401 ? ['www-authenticate: Bearer realm="parley"'] : []),
  ]
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${headers.join('\r\n')}\r\n\r\n${body}`
}
