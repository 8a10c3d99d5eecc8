// From what went wrong on the wire to a failure: exceptions of sockets, and answers with a status that is none to be glad of. Pure.
import { type ProviderFailure, type ProviderFailureKind, quoted } from '../failure.ts'
import { type Headers, retryAfterMs } from '../retry-after.ts'

interface WireError {
  readonly code?: unknown
  readonly name?: unknown
  readonly message?: unknown
  readonly cause?: unknown
  readonly errors?: readonly unknown[]
}

const NAME_UNKNOWN = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NONAME', 'EAI_NODATA', 'EAI_FAIL'])
const NO_CONNECTION = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EADDRNOTAVAIL', 'ENOENT'])
/** The connection was there, and then was not. */
const CUT = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ERR_HTTP2_STREAM_ERROR', 'ERR_HTTP2_SESSION_ERROR'])
const UNTRUSTED = /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO_(GET|VERIFY)|HOSTNAME/

/** The code of an error or of what caused it. */
export function codeOf(error: unknown): string {
  const { code, cause, errors } = (error ?? {}) as WireError
  if (typeof code === 'string') return code
  const deeper = cause ?? errors?.[0]
  return deeper === undefined ? '' : codeOf(deeper)
}

export const isCut = (error: unknown): boolean => CUT.has(codeOf(error))

/** `host` is what is named to the operator. */
export function failureOfError(
  error: unknown,
  host: string,
  secrets: readonly (string | undefined)[],
): ProviderFailure {
  const code = codeOf(error)
  if (NAME_UNKNOWN.has(code)) {
    return { kind: 'unreachable', message: `the host name of ${host} is not known (${code}); look at its baseUrl` }
  }
  if (code === 'UND_ERR_CONNECT_TIMEOUT')
    return { kind: 'unreachable', message: `${host} accepts no connection in time` }
  if (NO_CONNECTION.has(code)) return { kind: 'unreachable', message: `${host} accepts no connection (${code})` }
  if (UNTRUSTED.test(code)) {
    const message = `the certificate of ${host} is not trusted (${code}); name its authority in NODE_EXTRA_CA_CERTS`
    return { kind: 'unreachable', message }
  }
  const reason = quoted(String((error as WireError | undefined)?.message ?? error), secrets)
  const { name } = (error ?? {}) as WireError
  if (name === 'HTTPParserError' || /^HPE_/.test(code) || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return { kind: 'nonsense', message: `${host} does not answer in HTTP` }
  }
  return { kind: 'broken', message: `the connection to ${host} broke off (${code || reason})` }
}

export interface RefusedAnswer {
  readonly status: number
  readonly headers: Headers
  /** The beginning of the body. */
  readonly body: string
}

/** An answer that is not 2xx. `wallMs`: Unix time. */
export function failureOfAnswer(
  { status, headers, body }: RefusedAnswer,
  host: string,
  secrets: readonly (string | undefined)[],
  wallMs: number,
): ProviderFailure {
  const said = readErrorBody(body)
  const reason = said.message === '' ? '' : `: ${quoted(said.message, secrets)}`
  const kind = kindOf(status, said)
  const mayWait = kind === 'rate_limited' || kind === 'server'
  const waitMs = mayWait ? retryAfterMs(headers, wallMs) : undefined
  return {
    kind,
    status,
    message: `${host} answers ${status}${reason}${kind === 'key_refused' ? ' (look at its apiKey)' : ''}`,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...(said.field === undefined ? {} : { field: said.field }),
  }
}

interface ErrorBody {
  readonly message: string
  readonly code: string
  readonly field?: string
}

/** The error of an OpenAI-compatible or Deepgram answer; whatever else it is counts as its message. */
export function readErrorBody(body: string): ErrorBody {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    // A page of a proxy in front of the provider: its markup helps nobody.
    return { message: /^\s*</.test(body) ? '' : body, code: '' }
  }
  const fields = asRecord(parsed)
  const error = asRecord(fields.error)
  const text = (...values: unknown[]) => values.find((value): value is string => typeof value === 'string') ?? ''
  const field = text(error.param)
  return {
    message: text(error.message, fields.error, fields.message, fields.err_msg, fields.detail),
    code: text(error.code, error.type, fields.err_code),
    ...(field === '' ? {} : { field }),
  }
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

function kindOf(status: number, { code, message }: ErrorBody): ProviderFailureKind {
  // A quota that is used up comes as 429 too, and waiting does not help; what helps is the other provider.
  if (status === 429) return /insufficient_quota/.test(code) ? 'key_refused' : 'rate_limited'
  if (status === 401 || status === 402 || status === 403) return 'key_refused'
  if (status === 408) return 'timeout'
  if (
    status === 413 ||
    /context_length|string_above_max_length|maximum context|tokens is too large/i.test(`${code} ${message}`)
  )
    return 'too_large'
  if (status >= 500) return 'server'
  return 'refused'
}
