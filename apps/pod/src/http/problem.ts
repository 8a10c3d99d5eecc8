// Errors on the wire: RFC 9457 problem details, the same for Fastify's answers and for raw sockets.
import { STATUS_CODES } from 'node:http'
import { ParleyError, type Problem } from '@parley/protocol'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

export function problemOf(error: ParleyError, requestId: string): Problem {
  const { entry, code, details } = error
  const problem: Problem = {
    type: `https://parley.dev/errors/${code}`,
    title: entry.title,
    status: entry.httpStatus,
    detail: details.message === undefined ? entry.fix : error.message,
    code,
    hop: entry.hop,
    retryable: entry.retryable,
    requestId,
  }
  if (details.retryAfterMs !== undefined) problem.retryAfterMs = Math.ceil(details.retryAfterMs)
  if (details.field !== undefined) problem.field = details.field
  if (details.value !== undefined) problem.value = details.value
  if (details.allowed !== undefined) problem.allowed = [...details.allowed]
  if (details.location !== undefined) problem.location = details.location
  return problem
}

/** Headers that go with the error, names in lower case. */
export function problemHeaders(error: ParleyError): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store' }
  const { retryAfterMs } = error.details
  if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)))
  if (error.entry.httpStatus === 401) headers['www-authenticate'] = 'Bearer realm="parley"'
  if (error.code === 'UPGRADE_REQUIRED') headers.upgrade = 'websocket'
  return headers
}

/** A whole HTTP/1.1 answer for a socket that no HTTP library holds any more. The connection ends with it. */
export function rawProblem(error: ParleyError, requestId: string): string {
  const body = JSON.stringify(problemOf(error, requestId))
  const status = error.entry.httpStatus
  const headers = {
    ...problemHeaders(error),
    connection: error.code === 'UPGRADE_REQUIRED' ? 'close, upgrade' : 'close',
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': requestId,
    'x-content-type-options': 'nosniff',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('')}\r\n${body}`
}

/** What a thrown value is called in the catalogue: what Fastify refuses gets our code, what nobody foresaw is INTERNAL. */
export function asParleyError(error: unknown): ParleyError {
  if (error instanceof ParleyError) return error
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown }
  const known = typeof code === 'string' ? FRAMEWORK_ERRORS[code] : undefined
  if (known) return known(error)
  const isRefusal = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
  return isRefusal ? new ParleyError('BAD_REQUEST', { cause: error }) : new ParleyError('INTERNAL', { cause: error })
}

const badRequest = (message: string) => (cause: unknown) => new ParleyError('BAD_REQUEST', { message, cause })
const malformedJson = badRequest('the body is not valid JSON')

const FRAMEWORK_ERRORS: Readonly<Record<string, (cause: unknown) => ParleyError>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: malformedJson,
  FST_ERR_CTP_EMPTY_JSON_BODY: badRequest('the body is empty; send a JSON object or no Content-Type'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: badRequest('the body is not as long as Content-Length says'),
  FST_ERR_BAD_URL: badRequest('the address is not a valid URL'),
  FST_ERR_MAX_PARAM_LENGTH: (cause) => new ParleyError('NOT_FOUND', { cause }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (cause) => new ParleyError('UNSUPPORTED_MEDIA_TYPE', { cause }),
  FST_ERR_CTP_BODY_TOO_LARGE: (cause) =>
    new ParleyError('MESSAGE_TOO_LARGE', { message: 'the body exceeds 65536 bytes', cause }),
}
