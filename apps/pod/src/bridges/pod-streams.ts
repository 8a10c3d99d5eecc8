// The stream endpoints on a pod's public listener: served by the workers it has links to, for who holds a credential of the platform.
import type { ResolvedConfig } from '@parley/config'
import { type Clock, err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import { type CredentialSource, StreamEndpoints } from '@parley/stream-endpoints'
import type { Logger } from '@parley/telemetry'
import type { StreamsHost } from '../http/public-server.ts'
import type { PodPhase } from '../http/readiness.ts'
import type { Authenticator } from '../identity/identity-port.ts'
import type { SpeakPort, SpeechPort } from '../speech/speech-port.ts'
import { LinksToAsr } from './links-to-asr.ts'
import { LinksToTts } from './links-to-tts.ts'

const NOT_READY_RETRY_MS = 1_000

export interface PodStreamsOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly config: Pick<ResolvedConfig, 'limits'>
  readonly speech: Pick<SpeechPort, 'languages' | 'reserve' | 'open' | 'status'> & SpeakPort
  readonly authenticator: Authenticator
  readonly host: StreamsHost
  readonly phase: () => PodPhase
}

/** Undefined when the configuration wants none. */
export function createPodStreams(options: PodStreamsOptions): StreamEndpoints | undefined {
  const { clock, logger, config, speech, host, phase } = options
  const maxConnections = config.limits.streamConnections
  if (maxConnections === 0) return undefined
  const draining = () =>
    phase() === 'draining' ? new ParleyError('DRAINING', { retryAfterMs: NOT_READY_RETRY_MS }) : undefined
  const noEngine = () =>
    speech.status().ready ? undefined : new ParleyError('SPEECH_UNAVAILABLE', { retryAfterMs: NOT_READY_RETRY_MS })
  return new StreamEndpoints({
    clock,
    logger,
    maxConnections,
    recognise: new LinksToAsr({ clock, speech, refusal: () => draining() ?? noEngine() }),
    // Voices come and go with workers, and a speech waits a while for one.
    synthesise: new LinksToTts({ speak: speech, refusal: draining }),
    authorise: (request) => authorise(request, options),
    isOriginAllowed: (origin, hostHeader) => host.origins.isAllowed(origin, hostHeader),
  })
}

/** Whatever a request over REST may come with, and a bearer credential as `?token=` for who cannot set headers. */
async function authorise(
  { headers, url = '', socket }: CredentialSource,
  { authenticator, host: { failures, clientOf } }: PodStreamsOptions,
): Promise<Result<void, ParleyError>> {
  const { network } = clientOf(socket.remoteAddress, 'encrypted' in socket, headers)
  const retryAfterMs = failures.waitMs(network)
  if (retryAfterMs > 0) {
    const message = 'too many failed authentications from this address'
    return err(new ParleyError('RATE_LIMITED', { message, retryAfterMs }))
  }
  const token = new URLSearchParams(url.split('?').slice(1).join('?')).get('token')
  const source = token === null ? headers : { ...headers, authorization: `Bearer ${token}` }
  const authenticated = await authenticator.authenticate({ headers: source })
  if (authenticated.ok) return ok(undefined)
  const hasTried = token !== null || headers.authorization !== undefined
  if (hasTried) failures.count(network)
  return authenticated
}
