// The worker over plain HTTP: is it alive, may it be given work, how is it. Answers GET and HEAD; details and metrics are for who may know.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '@parley/kernel'
import type { WorkerState } from '@parley/protocol'
import type { Logger, Metrics } from '@parley/telemetry'
import { type HealthReport, shortHealth } from './health-report.ts'
import { hasToken, isOfThisMachine } from './http-guard.ts'
import { podOfToken } from './link-auth.ts'

export interface WorkerHttpOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly fleetSecret: string
  readonly workerId: string
  /** Opens details and metrics off this machine too; empty = only tokens of the fleet do. */
  readonly adminToken: string
  readonly metrics: Metrics
  state(): WorkerState
  health(): HealthReport
}

type Route = '/livez' | '/readyz' | '/health' | '/metrics'

const ROUTES: readonly string[] = ['/livez', '/readyz', '/health', '/metrics'] satisfies Route[]

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export class WorkerHttp {
  readonly #options: WorkerHttpOptions

  constructor(options: WorkerHttpOptions) {
    this.#options = options
  }

  /** False when `path` is none of its own. */
  handle(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (!ROUTES.includes(path)) return false
    const startMs = this.#options.clock.nowMs()
    const route = path as Route
    void this.#answer(route, request)
      .catch((error: unknown): Answer => {
        this.#options.logger.error({ err: error, route }, 'a request could not be answered')
        return json(500, { status: 'internal' })
      })
      .then((answer) => {
        write(request, response, answer)
        const durationMs = this.#options.clock.nowMs() - startMs
        const method = request.method ?? 'GET'
        this.#options.metrics.http({ method: known(method), route, status: answer.status, durationMs })
      })
    return true
  }

  async #answer(route: Route, request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { ...json(405, { status: 'method not allowed' }), headers: { Allow: 'GET, HEAD' } }
    }
    const { state, health, metrics } = this.#options
    const short = shortHealth(state())
    const status = short.status === 'ok' ? 200 : 503
    switch (route) {
      case '/livez':
        return json(200, { status: 'ok' })
      case '/readyz':
        return json(status, short)
      case '/health':
        return json(status, (await this.#mayKnow(request)) ? health() : short)
      case '/metrics':
        if (!(await this.#mayKnow(request))) return UNAUTHORIZED
        return { status: 200, type: metrics.contentType, body: await metrics.expose() }
    }
  }

  /** This machine, the admin token, or a token of the fleet as links have it. */
  async #mayKnow({ headers, socket }: IncomingMessage): Promise<boolean> {
    const { adminToken, fleetSecret, workerId, clock } = this.#options
    if (isOfThisMachine({ remoteAddress: socket.remoteAddress, headers }) || hasToken(headers, adminToken)) return true
    return (await podOfToken(fleetSecret, workerId, headers.authorization, clock.wallMs())).ok
  }
}

const UNAUTHORIZED: Answer = {
  ...json(401, { status: 'unauthorized', fix: 'send admin.token, or a token of the fleet, as Authorization: Bearer' }),
  headers: { 'WWW-Authenticate': 'Bearer' },
}

const known = (method: string): string => (['GET', 'HEAD', 'POST', 'PUT', 'DELETE'].includes(method) ? method : 'other')

function json(status: number, value: object): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` }
}

function write(request: IncomingMessage, response: ServerResponse, { status, type, body, headers }: Answer): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
