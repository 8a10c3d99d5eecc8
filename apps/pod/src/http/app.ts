// The REST surface and the page as one Fastify app: every answer to a failure is a problem, every limit per address bites here.
// The operations come from the protocol's table; what they do is in operations.ts.
import type { RequestListener, Server } from 'node:http'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { ResolvedConfig } from '@parley/config'
import type { Clock } from '@parley/kernel'
import {
  compileCheck,
  MAX_HTTP_BODY_BYTES,
  OPERATIONS,
  type Operation,
  type OperationId,
  ParleyError,
} from '@parley/protocol'
import type { StreamEndpoints } from '@parley/stream-endpoints'
import type { HttpSample, Logger } from '@parley/telemetry'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { ActsToRecords } from '../bridges/acts-to-records.ts'
import type { AddressBuckets } from './address-limits.ts'
import type { Gate } from './authentication.ts'
import type { Client, ClientResolver } from './client-address.ts'
import type { FleetOfRoutes } from './fleet-of-routes.ts'
import { answerClientError } from './listener.ts'
import type { Handlers } from './operations.ts'
import type { OriginPolicy } from './origins.ts'
import { registerPage } from './page.ts'
import { asParleyError, problemHeaders, problemOf } from './problem.ts'
import { readQuery } from './query.ts'
import { requestIdOf } from './request-id.ts'
import { allowedMethods, routerPath, WS_ROUTE, withoutPodId } from './route-table.ts'
import { apiHeaders, helmetOptions, PERMISSIONS_POLICY } from './security-headers.ts'
import { registerSpeechRoutes } from './speech-routes.ts'
import { originRefused, wrongPod } from './upgrade-decision.ts'

export interface AppOptions {
  readonly clock: Clock
  readonly config: Pick<ResolvedConfig, 'server' | 'tls'>
  readonly podId: string
  readonly clientOf: ClientResolver
  readonly origins: OriginPolicy
  readonly requests: AddressBuckets
  readonly gate: Gate
  readonly handlers: Handlers
  readonly fleet?: FleetOfRoutes | undefined
  readonly streams: Pick<StreamEndpoints, 'onRequest'> | undefined
  /** Folder of the built page. */
  readonly pageFolder: string
  readonly createServer: (handler: RequestListener) => Server
  readonly onAnswered: (sample: HttpSample) => void
  /** Where administrative acts are noted; nowhere unless told. */
  readonly records?: { readonly acts: Pick<ActsToRecords, 'operation'> } | undefined
  readonly onRateLimited: () => void
  readonly logger: Logger
}

declare module 'fastify' {
  interface FastifyRequest {
    client: Client
    startedAtMs: number
  }
  interface FastifyContextConfig {
    /** Name of the route in metrics; its path unless told. */
    routeName?: string
    /** Balancers and supervisors ask these without end: no limit. */
    isProbe?: boolean
  }
}

const CORS_MAX_AGE_S = 600

export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { config, origins } = options
  const app = Fastify({
    logger: false,
    serverFactory: (handler) => options.createServer(handler),
    clientErrorHandler: answerClientError as never,
    bodyLimit: MAX_HTTP_BODY_BYTES,
    // Users are named in addresses: 128 characters, of which each may be 12 when it is escaped.
    routerOptions: { maxParamLength: 2_048 },
    genReqId: (raw) => requestIdOf(raw.headers['x-request-id']),
    requestIdHeader: false,
    // Behind one host name a proxy routes by the pod's id: calls about sessions are answered below it too.
    rewriteUrl: ({ url = '/' }) => withoutPodId(url),
    frameworkErrors: (error, request, reply) => {
      begin(options, request, reply)
      fail(options, error, request, reply)
      answered(options, request, reply)
    },
  })
  app.decorateRequest('client')
  app.decorateRequest('startedAtMs', 0)
  // Only JSON is read; anything else is refused as a media type, not taken for text.
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error, request, reply) => fail(options, error, request, reply))
  app.setNotFoundHandler((request, reply) => nothingThere(options, request, reply))

  app.addHook('onRequest', async (request, reply) => begin(options, request, reply))
  app.addHook('onResponse', async (request, reply) => answered(options, request, reply))
  await app.register(helmet, helmetOptions(config.tls.mode, options.fleet?.pageOrigins))
  await app.register(cors, {
    delegator: (request: FastifyRequest, callback: (error: null, options: object) => void) => {
      const { origin, host } = request.headers
      const isAllowed = origin !== undefined && origins.isAllowed(origin, host)
      callback(null, { ...CORS_OPTIONS, origin: isAllowed ? origin : false })
    },
  })
  app.addHook('onRequest', async (request) => limitRequests(options, request))

  for (const operation of Object.values(OPERATIONS) as Operation[]) registerOperation(app, options, operation)
  app.get(WS_ROUTE, (request) => {
    const { podId } = request.params as { podId: string }
    if (podId === options.podId) throw new ParleyError('UPGRADE_REQUIRED')
    throw wrongPod(podId, options.podId, options.fleet?.socketUrlOf(podId, request.headers.host))
  })
  await registerSpeechRoutes(app, options.streams)
  await registerPage(app, options.pageFolder)
  await app.ready()
  return app
}

const CORS_OPTIONS = {
  methods: ['GET', 'HEAD', 'POST', 'DELETE'],
  allowedHeaders: ['authorization', 'content-type', 'x-request-id'],
  exposedHeaders: ['x-request-id', 'retry-after'],
  credentials: true,
  maxAge: CORS_MAX_AGE_S,
  strictPreflight: false,
} as const

function registerOperation(app: FastifyInstance, options: AppOptions, operation: Operation): void {
  const check = operation.body && compileCheck(operation.body)
  const { query: querySchema } = operation
  const checkQuery = querySchema && compileCheck(querySchema)
  const handler = options.handlers[operation.id as keyof Handlers]
  // What is open to everybody may be looked at in a browser.
  const forPrograms = operation.credential === 'none' ? undefined : apiHeaders(options.config.tls.mode)
  app.route({
    ...(forPrograms ? { helmet: false } : {}),
    method: operation.method,
    url: routerPath(operation.path),
    config: { routeName: operation.path, isProbe: PROBES.has(operation.id) },
    // Before the body is read: a stranger's body is not worth reading.
    onRequest: async (request, reply) => {
      if (forPrograms) reply.headers(forPrograms)
      await options.gate.admit(operation, request)
    },
    handler: async (request, reply) => {
      const body = check && unwrap(check(request.body ?? {}))
      const query = checkQuery && unwrap(checkQuery(readQuery(querySchema, request.query)))
      return handler({ request, reply, body, query, params: request.params as Readonly<Record<string, string>> })
    },
    onResponse: async ({ principal, params, body }, { statusCode: status }) =>
      options.records?.acts.operation(operation.id as OperationId, {
        principal,
        params: params as never,
        body,
        status,
      }),
  })
}

const PROBES: ReadonlySet<string> = new Set(['livez', 'readyz', 'health'])

function unwrap<T>(result: { ok: true; value: T } | { ok: false; error: ParleyError }): T {
  if (result.ok) return result.value
  throw result.error
}

function begin(options: AppOptions, request: FastifyRequest, reply: FastifyReply): void {
  request.startedAtMs = options.clock.nowMs()
  const { socket, headers } = request.raw
  request.client = options.clientOf(socket.remoteAddress, 'encrypted' in socket, headers)
  reply.header('x-request-id', request.id)
  reply.header('permissions-policy', PERMISSIONS_POLICY)
  // Answers of the API are for the caller alone and for now; the page sets its own.
  reply.header('cache-control', 'no-store')
}

function limitRequests(options: AppOptions, request: FastifyRequest): void {
  if (request.routeOptions.config?.isProbe) return
  const retryAfterMs = options.requests.takeOrWaitMs(request.client.network)
  if (retryAfterMs === 0) return
  options.onRateLimited()
  throw new ParleyError('RATE_LIMITED', { message: 'too many requests from this address', retryAfterMs })
}

function fail(options: AppOptions, thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = asParleyError(thrown)
  if (error.code === 'INTERNAL') options.logger.error({ requestId: request.id, err: thrown }, 'request failed')
  reply
    .code(error.entry.httpStatus)
    .headers(problemHeaders(error))
    .send(JSON.stringify(problemOf(error, request.id)))
}

/** No route took the request: wrong method, a preflight of a page that may not call, or nothing at the address. */
function nothingThere(options: AppOptions, request: FastifyRequest, reply: FastifyReply): void {
  const { origin, host } = request.headers
  const methods = allowedMethods(request.url.split('?', 1)[0] ?? '')
  if (methods.length > 0) {
    reply.header('allow', methods.join(', '))
    if (request.method !== 'OPTIONS') throw new ParleyError('METHOD_NOT_ALLOWED', { allowed: methods })
    if (origin === undefined || options.origins.isAllowed(origin, host)) {
      reply.code(204).send()
      return
    }
  }
  if (request.method === 'OPTIONS' && origin !== undefined) throw originRefused(origin)
  throw new ParleyError('NOT_FOUND')
}

function answered(options: AppOptions, request: FastifyRequest, reply: FastifyReply): void {
  const { config, url } = request.routeOptions
  const route = config?.routeName ?? routeName(request.method, url)
  const durationMs = options.clock.nowMs() - request.startedAtMs
  const status = reply.statusCode
  options.onAnswered({ method: request.method, route, status, durationMs })
  const { address } = request.client
  options.logger.debug(
    { requestId: request.id, address, method: request.method, route, status, durationMs },
    'answered',
  )
}

/** Routes that are not operations, by few names: static files are one route, whatever is asked for. */
function routeName(method: string, url: string | undefined): string {
  if (url === undefined) return 'unmatched'
  if (url === '*') return method === 'OPTIONS' ? 'preflight' : 'unmatched'
  return url === WS_ROUTE ? '/p/{podId}/v1/ws' : 'page'
}
