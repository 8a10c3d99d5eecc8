// The stream endpoints on this worker's listener, as the configuration says.
import type { ResolvedConfig } from '@parley/config'
import type { Clock } from '@parley/kernel'
import { StreamEndpoints } from '@parley/stream-endpoints'
import type { Logger } from '@parley/telemetry'
import type { LocalAccess, MountEndpoints } from '../endpoints-port.ts'
import { type Authorise, allowAll, keysOf, knownKeyHashes, requireKey } from './endpoint-authority.ts'
import { RecogniserToAsr } from './recogniser-to-asr.ts'
import { SynthesiserToTts } from './synthesiser-to-tts.ts'

/** Clients get so long to take their leave; the worker itself has a second. */
const CLOSE_WITHIN_MS = 400
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/

export interface EndpointSettings {
  readonly authorise: Authorise
  readonly maxConnections: number
  /** Pages that may connect. */
  readonly allowedOrigins: readonly string[]
  readonly pingEveryMs?: number
}

/** What `worker.endpoints` asks for; undefined when they are off. Reads the machine's API key. */
export async function streamEndpointsOf(
  config: ResolvedConfig,
  logger: Logger,
  clock: Clock,
): Promise<MountEndpoints | undefined> {
  const { endpoints, connections, host } = config.worker
  if (endpoints === 'off') return undefined
  if (endpoints === 'open' && !LOOPBACK.test(host)) {
    logger.warn({ host }, 'the stream endpoints are open to everybody who reaches this port (worker.endpoints)')
  }
  return mountStreamEndpoints({
    authorise: endpoints === 'open' ? allowAll : await keyAuthority(config, logger, clock),
    maxConnections: connections,
    allowedOrigins: config.server.allowedOrigins,
  })
}

async function keyAuthority(config: ResolvedConfig, logger: Logger, clock: Clock): Promise<Authorise> {
  const keys = keysOf(clock, () => knownKeyHashes(config))
  await keys.reread()
  if (keys.known().length === 0) {
    const message =
      'nobody can use the stream endpoints yet: no API key is known here; start a pod with this data directory, set auth.apiKey or auth.keys, or worker.endpoints to off or open'
    logger.warn({}, message)
  }
  return requireKey(keys)
}

export function mountStreamEndpoints(settings: EndpointSettings): MountEndpoints {
  const { authorise, maxConnections, pingEveryMs } = settings
  const origins = new Set(settings.allowedOrigins)
  return (access: LocalAccess) => {
    const { clock, logger, recogniser, synthesiser } = access
    const recognise = recogniser && new RecogniserToAsr(access, recogniser)
    const synthesise = synthesiser && new SynthesiserToTts(access, synthesiser)
    const endpoints = new StreamEndpoints({
      clock,
      logger,
      authorise,
      maxConnections,
      // A worker serves no pages: every page is somebody else's until it is named.
      isOriginAllowed: (origin) => origins.has(origin),
      ...(recognise ? { recognise } : {}),
      ...(synthesise ? { synthesise } : {}),
      ...(pingEveryMs === undefined ? {} : { pingEveryMs }),
    })
    let closing: Promise<void> | undefined
    return {
      get connections() {
        return endpoints.activeConnections
      },
      report: () => endpoints.stats(),
      upgrade(path, request, socket, head) {
        if (!endpoints.handles(path)) return false
        void endpoints.onUpgrade(request, socket, head)
        return true
      },
      request(path, request, response) {
        if (!endpoints.handles(path)) return false
        void endpoints.onRequest(request, response)
        return true
      },
      close() {
        closing ??= (async () => {
          await endpoints.close('shutting_down', CLOSE_WITHIN_MS)
          synthesise?.close()
          await recognise?.close()
        })()
        return closing
      },
    }
  }
}
