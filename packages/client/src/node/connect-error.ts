// What Node's connection errors mean to whoever typed the address, and what to do about each.
import { ParleyClientError } from '../core/errors.ts'

interface Advice {
  readonly what: (place: string) => string
  readonly nextStep: string
}

const UNTRUSTED: Advice = {
  what: (place) => `the certificate of ${place} is signed by an authority that is not trusted here`,
  nextStep: 'Give that authority with `ca` (parley caption: --ca FILE).',
}
const UNRESOLVED: Advice = {
  what: (place) => `the host name of ${place} does not resolve`,
  nextStep: 'Check its spelling, or give the address.',
}
const UNREACHABLE: Advice = {
  what: (place) => `${place} cannot be reached from here`,
  nextStep: 'Check the network and the address.',
}
const NOT_TLS: Advice = {
  what: (place) => `${place} does not speak TLS`,
  nextStep: 'Try the address with http:// instead of https://.',
}

const ADVICE: Readonly<Record<string, Advice>> = {
  ECONNREFUSED: {
    what: (place) => `nothing listens at ${place}`,
    nextStep: 'Start it with ./parley up, or check the address.',
  },
  ECONNRESET: {
    what: (place) => `${place} closed the connection without an answer`,
    nextStep: 'If it serves TLS, try https:// instead of http://.',
  },
  ENOTFOUND: UNRESOLVED,
  EAI_AGAIN: UNRESOLVED,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: {
    what: (place) => `the certificate of ${place} is for another name`,
    nextStep: 'Use the name the certificate was made for.',
  },
  CERT_HAS_EXPIRED: {
    what: (place) => `the certificate of ${place} has expired`,
    nextStep: 'Renew it on the platform.',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NOT_TLS,
  EPROTO: NOT_TLS,
}

/** The first code in an error, its cause, or the errors of an AggregateError (one per address tried). */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const code = (error as NodeJS.ErrnoException).code
  if (typeof code === 'string' && code in ADVICE) return code
  const inner = error instanceof AggregateError ? error.errors : [error.cause]
  for (const candidate of inner) {
    const found = candidate === undefined ? undefined : codeOf(candidate)
    if (found) return found
  }
  return code
}

/** CONNECT_FAILED with the place and the next step; a ParleyClientError passes unchanged. */
export function connectError(error: Error, url: string): ParleyClientError {
  if (error instanceof ParleyClientError) return error
  const place = URL.canParse(url) ? `${new URL(url).protocol}//${new URL(url).host}` : url
  const code = codeOf(error)
  const advice = code === undefined ? undefined : ADVICE[code]
  if (!advice) {
    return new ParleyClientError('CONNECT_FAILED', {
      detail: `${place} could not be reached: ${error.message}`,
      cause: error,
    })
  }
  return new ParleyClientError('CONNECT_FAILED', {
    detail: advice.what(place),
    nextStep: advice.nextStep,
    cause: error,
  })
}
