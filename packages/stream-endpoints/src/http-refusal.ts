// A refusal as an HTTP answer, in the form that the clients of each endpoint read; whole on a raw socket for an upgrade.
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ParleyError } from '@parley/protocol'

/** `problem`: RFC 9457, our own. */
export type RefusalForm = 'problem' | 'deepgram' | 'openai'

export interface HttpRefusal {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export function refusalOf(form: RefusalForm, error: ParleyError, requestId: string): HttpRefusal {
  const { httpStatus: status } = error.entry
  const { retryAfterMs } = error.details
  const body = JSON.stringify(BODIES[form](error, requestId))
  const type = form === 'problem' ? 'application/problem+json' : 'application/json'
  const headers = {
    'content-type': `${type}; charset=utf-8`,
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    'x-request-id': requestId,
    ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
    ...(status === 426 ? { connection: 'close, upgrade', upgrade: 'websocket' } : {}),
    ...(status === 401 ? { 'www-authenticate': 'Bearer realm="parley"' } : {}),
  }
  return { status, headers, body }
}

const BODIES: Readonly<Record<RefusalForm, (error: ParleyError, requestId: string) => object>> = {
  problem: problemBody,
  deepgram: ({ code, message }, requestId) => ({ err_code: code, err_msg: message, request_id: requestId }),
  openai: (error) => openAiError(error),
}

function problemBody(error: ParleyError, requestId: string): object {
  const { code, entry, details } = error
  const { httpStatus: status, title, fix, hop, retryable } = entry
  const { retryAfterMs, field, value, allowed } = details
  return {
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
  }
}

/** Also what is said in an event stream that has begun. */
export function openAiError({ code, message, entry, details }: ParleyError): object {
  const { httpStatus: status } = entry
  const type = status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error'
  return { error: { message, type, param: details.field ?? null, code } }
}

/** Writes the answer and ends the connection: its peer has no way to say anything that would still be read. */
export function refuseUpgrade(socket: Duplex, form: RefusalForm, error: ParleyError, requestId: string): void {
  const { status, headers, body } = refusalOf(form, error, requestId)
  const lines = Object.entries({ connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`)
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
}
