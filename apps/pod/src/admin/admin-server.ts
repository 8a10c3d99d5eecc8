// The admin listener: full health, metrics, page codes, sessions. A unix socket of mode 600, or TCP when the configuration says so;
// never the public port, where a proxy on the same host would look like the operator.

import { chmod, lstat, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import type { ResolvedConfig } from '@parley/config'
import { ParleyError, type SessionView } from '@parley/protocol'
import { type Logger, type Metrics, NO_STAGES, type StageTimer } from '@parley/telemetry'
import Fastify, { type FastifyInstance } from 'fastify'
import type { ActsToRecords } from '../bridges/acts-to-records.ts'
import { StartFailure } from '../exit-codes.ts'
import { listen, urlHost } from '../http/listen.ts'
import { asParleyError, problemHeaders, problemOf } from '../http/problem.ts'
import { requestIdOf } from '../http/request-id.ts'
import { timedHandler } from '../http/timed-handler.ts'
import type { TextReport } from '../text/text-report.ts'
import { noteOrders } from './admin-acts.ts'
import { adminGuard } from './admin-guard.ts'
import { type FleetAdmin, registerFleetRoutes } from './fleet-routes.ts'
import type { HealthReport } from './health-report.ts'
import { type KeyAdmin, registerKeyRoutes } from './key-routes.ts'

/** Longest path of a unix socket that Linux takes. */
const MAX_SOCKET_PATH_BYTES = 107

export interface AdminServerOptions {
  readonly config: ResolvedConfig['admin']
  /** Run directory of the data directory; holds admin.sock unless the configuration names another. */
  readonly runPath: string
  readonly metrics: Metrics
  readonly health: () => HealthReport
  readonly isReady: () => boolean
  readonly mintPageCode: () => MintedPageCode
  readonly sessions: () => readonly SessionView[]
  readonly fleet: FleetAdmin
  readonly keys: KeyAdmin
  /** Where administrative acts are noted; nowhere unless told. */
  readonly acts?: Pick<ActsToRecords, 'order'> | undefined
  /** Budgets, engines for texts, their cache. */
  readonly texts: () => TextReport
  /** Of this loop; nobody measures unless told. */
  readonly stages?: StageTimer | undefined
  readonly logger: Logger
}

export interface MintedPageCode {
  readonly code: string
  readonly expiresAtMs: number
  /** The address to open, with the code in its fragment. */
  readonly url: string
}

export interface AdminServer {
  /** `unix:/path/admin.sock` (percent-encoded) or `http://host:port`. */
  readonly url: string
  close(): Promise<void>
}

/** Listens before it returns. Throws StartFailure. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { config } = options
  const isTcp = config.port >= 0
  const app = Fastify({
    serverFactory: (handler) =>
      createServer(
        { requestTimeout: 10_000, headersTimeout: 5_000 },
        timedHandler(options.stages ?? NO_STAGES, handler),
      ),
    genReqId: (raw) => requestIdOf(raw.headers['x-request-id']),
    requestIdHeader: false,
    bodyLimit: 4_096,
  })
  if (options.acts) noteOrders(app, options.acts)
  registerAdminRoutes(app, options, adminGuard(isTcp, config.token))
  await app.ready()
  const url = isTcp ? await listenTcp(app.server, config) : await listenUnix(app.server, socketPath(options))
  let closing: Promise<void> | undefined
  return {
    url,
    close() {
      closing ??= (async () => {
        // Node removes the socket's file when its server closes.
        app.server.close()
        app.server.closeAllConnections()
        await app.close()
      })()
      return closing
    },
  }
}

function registerAdminRoutes(
  app: FastifyInstance,
  options: AdminServerOptions,
  guard: ReturnType<typeof adminGuard>,
): void {
  const { logger, metrics } = options
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('cache-control', 'no-store')
    const allowed = guard(request.headers)
    if (!allowed.ok) throw allowed.error
  })
  app.setErrorHandler((thrown, request, reply) => {
    const error = asParleyError(thrown)
    if (error.code === 'INTERNAL') logger.error({ requestId: request.id, err: thrown }, 'admin request failed')
    reply
      .code(error.entry.httpStatus)
      .headers(problemHeaders(error))
      .send(JSON.stringify(problemOf(error, request.id)))
  })
  app.setNotFoundHandler(() => {
    const message =
      'here are GET /health, /metrics, /fleet, /keys, /budgets and /admin/sessions, POST /admin/page-codes, /keys/ID/revoke and /fleet/members/ID/drain, undrain, rate and restart'
    throw new ParleyError('NOT_FOUND', { message })
  })
  app.get('/health', (_request, reply) => reply.code(options.isReady() ? 200 : 503).send(options.health()))
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.expose()))
  app.get('/admin/sessions', () => ({ sessions: options.sessions().map(withoutContent) }))
  app.get('/budgets', () => options.texts())
  registerFleetRoutes(app, options.fleet, logger)
  registerKeyRoutes(app, options.keys, logger)
  app.post('/admin/page-codes', (request, reply) => {
    const minted = options.mintPageCode()
    logger.info({ requestId: request.id, audit: true, expiresAtMs: minted.expiresAtMs }, 'page code minted')
    return reply.code(201).send(minted)
  })
}

/** Who and how, never what: metadata is the tenant's. */
function withoutContent({ metadata: _metadata, ...view }: SessionView): Omit<SessionView, 'metadata'> {
  return view
}

async function listenTcp(server: Server, { host, port }: ResolvedConfig['admin']): Promise<string> {
  await listen(server, { kind: 'tcp', host, port, setting: 'admin.port' })
  return `http://${urlHost(host)}:${(server.address() as AddressInfo).port}`
}

function socketPath({ config, runPath }: AdminServerOptions): string {
  const path = config.socket === '' ? join(runPath, 'admin.sock') : config.socket
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path
  const message = `the path of the admin socket is longer than ${MAX_SOCKET_PATH_BYTES} bytes: ${path}; set admin.socket to a shorter one`
  throw new StartFailure('usage', 'SOCKET_PATH_TOO_LONG', message)
}

async function listenUnix(server: Server, path: string): Promise<string> {
  await removeIfDead(path)
  // The mask makes the file private from its first instant; listening on a path binds before it returns.
  const mask = process.umask(0o177)
  let listening: Promise<void>
  try {
    listening = listen(server, { kind: 'unix', path, setting: 'admin.socket' })
  } finally {
    process.umask(mask)
  }
  await listening
  await chmod(path, 0o600)
  return `unix:${encodeURI(path)}`
}

/** A socket file that nobody answers on is what a killed process left; one that answers belongs to another platform. */
async function removeIfDead(path: string): Promise<void> {
  if (await answers(path)) {
    const message = `another Parley runs with this data directory (its admin socket ${path} answers); stop it, or set data.dir (PARLEY_DATA_DIR) to another folder`
    throw new StartFailure('portInUse', 'ALREADY_RUNNING', message)
  }
  const found = await lstat(path).catch(() => undefined)
  if (found && !found.isSocket()) {
    const message = `${path} is there and is not a socket; set admin.socket to another path`
    throw new StartFailure('usage', 'SOCKET_PATH_TAKEN', message)
  }
  await rm(path, { force: true })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
