// May this HTTP request become a stream connection, or have its answer? Pure; stream-endpoints.ts executes the decision.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError, shown } from '@parley/protocol'
import { asrConfigOf, type TtsWish, ttsWishOf } from './address-query.ts'
import type { AsrConfig } from './asr-messages.ts'
import type { RefusalForm } from './http-refusal.ts'
import { FULL_RETRY_MS } from './limits.ts'
import { type ListenConfig, readListenQuery } from './listen/listen-query.ts'

export const ASR_PATH = '/v1/stream/asr'
export const TTS_PATH = '/v1/stream/tts'
export const ENDPOINT_NAMES = ['asr', 'tts', 'listen', 'speech', 'transcription'] as const
export type EndpointName = (typeof ENDPOINT_NAMES)[number]

export interface EndpointTraits {
  readonly path: string
  readonly need: 'recognise' | 'synthesise'
  /** Which requests it takes: upgrades to WebSocket, POST, or both. */
  readonly isSocket: boolean
  readonly isPost: boolean
  readonly refusals: RefusalForm
}

export const ENDPOINTS: Readonly<Record<EndpointName, EndpointTraits>> = {
  asr: { path: ASR_PATH, need: 'recognise', isSocket: true, isPost: false, refusals: 'problem' },
  tts: { path: TTS_PATH, need: 'synthesise', isSocket: true, isPost: false, refusals: 'problem' },
  listen: { path: '/v1/listen', need: 'recognise', isSocket: true, isPost: true, refusals: 'deepgram' },
  speech: { path: '/v1/audio/speech', need: 'synthesise', isSocket: false, isPost: true, refusals: 'openai' },
  transcription: {
    path: '/v1/audio/transcriptions',
    need: 'recognise',
    isSocket: false,
    isPost: true,
    refusals: 'openai',
  },
}
const BY_PATH = new Map(ENDPOINT_NAMES.map((name) => [ENDPOINTS[name].path, name]))

/** The endpoint an address names, query or not; undefined when it is none. */
export function endpointOf(url: string): EndpointName | undefined {
  return BY_PATH.get(url.split('?', 1)[0] ?? '')
}

export interface AdmissionRequest {
  readonly method: string
  /** As in the request line, with its query. */
  readonly url: string
  readonly host: string | undefined
  readonly origin: string | undefined
}

export interface AdmissionRules {
  /** What this member can do. */
  readonly abilities: ReadonlySet<EndpointTraits['need']>
  readonly isOriginAllowed: (origin: string, host: string | undefined) => boolean
}

export type Admitted =
  | { readonly endpoint: 'asr'; readonly config: AsrConfig | undefined }
  | { readonly endpoint: 'tts'; readonly wish: TtsWish }
  | { readonly endpoint: 'listen'; readonly listen: ListenConfig }
  | { readonly endpoint: 'speech' | 'transcription' }

/** What can be told from the request alone. `kind`: does it want to become a WebSocket? */
export function checkRequest(
  request: AdmissionRequest,
  kind: 'upgrade' | 'plain',
  rules: AdmissionRules,
): Result<Admitted, ParleyError> {
  const endpoint = endpointOf(request.url)
  const traits = endpoint === undefined ? undefined : ENDPOINTS[endpoint]
  if (endpoint === undefined || !traits || !rules.abilities.has(traits.need)) return err(notHere(traits))
  const refusal = kind === 'upgrade' ? upgradeRefusal(request, traits) : plainRefusal(request, traits)
  if (refusal) return err(refusal)
  const { origin } = request
  // No Origin header means no browser: only browsers carry other people's authority around.
  if (origin !== undefined && !rules.isOriginAllowed(origin, request.host)) {
    const message = `pages of ${shown(origin)} may not connect; add it to server.allowedOrigins`
    return err(new ParleyError('ORIGIN_REFUSED', { message, value: shown(origin) }))
  }
  const query = new URLSearchParams(request.url.split('?').slice(1).join('?'))
  return readQuery(endpoint, query)
}

function readQuery(endpoint: EndpointName, query: URLSearchParams): Result<Admitted, ParleyError> {
  switch (endpoint) {
    case 'asr': {
      const config = asrConfigOf(query)
      return config.ok ? ok({ endpoint, config: config.value }) : config
    }
    case 'tts': {
      const wish = ttsWishOf(query)
      return wish.ok ? ok({ endpoint, wish: wish.value }) : wish
    }
    case 'listen': {
      const listen = readListenQuery(query)
      return listen.ok ? ok({ endpoint, listen: listen.value }) : listen
    }
    case 'speech':
    case 'transcription':
      return ok({ endpoint })
  }
}

function upgradeRefusal({ method }: AdmissionRequest, { isSocket }: EndpointTraits): ParleyError | undefined {
  return isSocket && method === 'GET' ? undefined : new ParleyError('METHOD_NOT_ALLOWED')
}

function plainRefusal({ method }: AdmissionRequest, traits: EndpointTraits): ParleyError | undefined {
  if (traits.isPost && method === 'POST') return undefined
  if (traits.isSocket && (method === 'GET' || method === 'HEAD')) return new ParleyError('UPGRADE_REQUIRED')
  const allowed = traits.isPost ? ['POST'] : ['GET']
  return new ParleyError('METHOD_NOT_ALLOWED', { allowed, message: `use ${allowed.join()}` })
}

function notHere(traits: EndpointTraits | undefined): ParleyError {
  if (!traits) return new ParleyError('NOT_FOUND', { message: 'there is no stream endpoint at this address' })
  return new ParleyError('NOT_FOUND', { message: `this member does not ${traits.need}; connect to one that does` })
}

/**
 * The credential as our hosts read it: `Authorization: Token KEY`, or the subprotocols `token, KEY` (and `bearer, KEY`) of who cannot set
 * headers, are bearer credentials in Deepgram's words.
 */
export function bearerHeaders<Headers extends Readonly<Record<string, string | string[] | undefined>>>(
  endpoint: EndpointName,
  headers: Headers,
): Headers {
  if (ENDPOINTS[endpoint].refusals !== 'deepgram') return headers
  const { authorization } = headers
  const [scheme = '', key, ...more] = String(headers['sec-websocket-protocol'] ?? '').split(',')
  const isProtocol = /^ *(token|bearer) *$/i.test(scheme) && key !== undefined && more.length === 0
  const presented = authorization === undefined && isProtocol ? `Bearer ${key.trim()}` : authorization
  const bearer = typeof presented === 'string' ? presented.replace(/^token +/i, 'Bearer ') : presented
  return bearer === undefined ? headers : { ...headers, authorization: bearer }
}

/** What depends on how full the member is: asked last, and at once before the connection is counted. */
export function checkRoom(
  connections: number,
  maxConnections: number,
  refusal: ParleyError | undefined,
  kind: 'upgrade' | 'plain' = 'upgrade',
): ParleyError | undefined {
  if (refusal) return refusal
  if (connections < maxConnections) return undefined
  const message = `the limit of ${maxConnections} connections at the stream endpoints is reached`
  // Clients of others come again by themselves after 429, and balancers do not take a member that answers so for a broken one.
  return new ParleyError(kind === 'plain' ? 'TOO_MANY_CONNECTIONS' : 'ENDPOINT_FULL', {
    message,
    retryAfterMs: FULL_RETRY_MS,
  })
}
