// May this HTTP request become a stream connection? Pure; stream-endpoints.ts executes the answer.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError, shown } from '@parley/protocol'
import { asrConfigOf, type TtsWish, ttsWishOf } from './address-query.ts'
import type { AsrConfig } from './asr-messages.ts'
import { FULL_RETRY_MS } from './limits.ts'

export const ASR_PATH = '/v1/stream/asr'
export const TTS_PATH = '/v1/stream/tts'
export type EndpointName = 'asr' | 'tts'

/** The endpoint an address names, query or not; undefined when it is none. */
export function endpointOf(url: string): EndpointName | undefined {
  const path = url.split('?', 1)[0]
  return path === ASR_PATH ? 'asr' : path === TTS_PATH ? 'tts' : undefined
}

export interface AdmissionRequest {
  readonly method: string
  /** As in the request line, with its query. */
  readonly url: string
  readonly host: string | undefined
  readonly origin: string | undefined
}

export interface AdmissionRules {
  /** Endpoints that this member has. */
  readonly endpoints: ReadonlySet<EndpointName>
  readonly isOriginAllowed: (origin: string, host: string | undefined) => boolean
}

export type Admitted =
  | { readonly endpoint: 'asr'; readonly config: AsrConfig | undefined }
  | { readonly endpoint: 'tts'; readonly wish: TtsWish }

/** What can be told from the request alone. */
export function checkRequest(request: AdmissionRequest, rules: AdmissionRules): Result<Admitted, ParleyError> {
  const endpoint = endpointOf(request.url)
  if (endpoint === undefined || !rules.endpoints.has(endpoint)) return err(notHere(endpoint))
  if (request.method !== 'GET') return err(new ParleyError('METHOD_NOT_ALLOWED'))
  const { origin } = request
  // No Origin header means no browser: only browsers carry other people's authority around.
  if (origin !== undefined && !rules.isOriginAllowed(origin, request.host)) {
    const message = `pages of ${shown(origin)} may not connect; add it to server.allowedOrigins`
    return err(new ParleyError('ORIGIN_REFUSED', { message, value: shown(origin) }))
  }
  const query = new URLSearchParams(request.url.split('?').slice(1).join('?'))
  if (endpoint === 'asr') {
    const config = asrConfigOf(query)
    return config.ok ? ok({ endpoint, config: config.value }) : config
  }
  const wish = ttsWishOf(query)
  return wish.ok ? ok({ endpoint, wish: wish.value }) : wish
}

function notHere(endpoint: EndpointName | undefined): ParleyError {
  if (endpoint === undefined)
    return new ParleyError('NOT_FOUND', { message: 'there is no stream endpoint at this address' })
  const what = endpoint === 'asr' ? 'recognise' : 'synthesise'
  return new ParleyError('NOT_FOUND', { message: `this member does not ${what}; connect to one that does` })
}

/** What depends on how full the member is: asked last, and at once before the connection is counted. */
export function checkRoom(
  connections: number,
  maxConnections: number,
  refusal: ParleyError | undefined,
): ParleyError | undefined {
  if (refusal) return refusal
  if (connections < maxConnections) return undefined
  const message = `the limit of ${maxConnections} connections at the stream endpoints is reached`
  return new ParleyError('ENDPOINT_FULL', { message, retryAfterMs: FULL_RETRY_MS })
}
