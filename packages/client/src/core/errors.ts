// The one error of the client: every refusal and failure, wherever it arose, in the same shape. Codes and next steps are
// those of the protocol's catalogue.
import { ERRORS, type ErrorCode, type ErrorMessage, type Hop, type Problem } from '@parley/protocol'

export interface ClientErrorDetails {
  /** What happened this time; the catalogue's sentence unless told. */
  readonly detail?: string
  /** What whoever sees it can do; the catalogue's advice unless told. */
  readonly nextStep?: string
  readonly hop?: Hop
  readonly retryable?: boolean
  readonly retryAfterMs?: number
  readonly requestId?: string
  readonly field?: string
  readonly value?: string
  readonly allowed?: readonly (string | number)[]
  readonly location?: string
  readonly cause?: unknown
}

export class ParleyClientError extends Error {
  readonly code: ErrorCode
  /** Where it arose. */
  readonly hop: Hop
  /** True when the same request may succeed later without a change. */
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly requestId: string | undefined
  /** The sentence alone, without the next step that `message` ends with. */
  readonly detail: string
  readonly nextStep: string
  readonly field: string | undefined
  readonly value: string | undefined
  readonly allowed: readonly (string | number)[] | undefined
  readonly location: string | undefined

  constructor(code: ErrorCode, details: ClientErrorDetails = {}) {
    // A newer platform may send a code this client has never heard of: it is passed on, its sentence is the server's.
    const entry = Object.hasOwn(ERRORS, code) ? ERRORS[code] : undefined
    const detail = details.detail ?? entry?.title ?? code
    const nextStep = details.nextStep ?? entry?.fix ?? ''
    super(joinSentences(detail, nextStep), details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'ParleyClientError'
    this.code = code
    this.hop = details.hop ?? entry?.hop ?? 'client'
    this.retryable = details.retryable ?? entry?.retryable ?? false
    this.retryAfterMs = details.retryAfterMs
    this.requestId = details.requestId
    this.detail = detail
    this.nextStep = nextStep
    this.field = details.field
    this.value = details.value
    this.allowed = details.allowed
    this.location = details.location
  }
}

function joinSentences(detail: string, nextStep: string): string {
  if (nextStep === '' || detail.includes(nextStep)) return detail
  return `${detail.replace(/\.$/, '')}. ${nextStep}`
}

/** The `error` message of a socket. */
export function errorFromMessage(message: ErrorMessage): ParleyClientError {
  return new ParleyClientError(message.code, { ...message, detail: message.message })
}

/** A problem+json answer of the REST surface. */
export function errorFromProblem(problem: Problem): ParleyClientError {
  return new ParleyClientError(problem.code, problem)
}

/** Whatever was thrown, as the client's error; foreign ones become `code` with the original as cause. */
export function asClientError(thrown: unknown, code: ErrorCode): ParleyClientError {
  if (thrown instanceof ParleyClientError) return thrown
  const detail = thrown instanceof Error ? thrown.message : String(thrown)
  return new ParleyClientError(code, { detail, cause: thrown })
}
