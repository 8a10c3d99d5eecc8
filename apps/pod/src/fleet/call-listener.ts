// Where other pods of the fleet call: a listener of its own, never the public one. It answers nothing that is not signed with the fleet secret, for
// this pod, now; a call it does not know is as good as unsigned.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ResolvedConfig } from '@parley/config'
import { type Clock, err, ok, type Result, type Scope } from '@parley/kernel'
import { MAX_POD_CALL_BYTES, ParleyError, POD_CALL_DEADLINE_MS } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { WebSocketServer } from 'ws'
import { listen } from '../http/listen.ts'
import { createListener, type TlsCredentials } from '../http/listener.ts'
import { asParleyError, problemHeaders, problemOf, rawProblem } from '../http/problem.ts'
import { requestIdOf } from '../http/request-id.ts'
import { isOfThisMachine } from './addresses.ts'
import { type CallHandler, callTable } from './pod-call.ts'
import { CallCheck, type CallRefusal, SIGNATURE_HEADER } from './signed-call.ts'
import type { WatchHost } from './watch-host.ts'
import { sessionOfWatchPath } from './watch-records.ts'

export interface CallListenerOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly config: Pick<ResolvedConfig, 'fleet'>
  readonly podId: string
  readonly key: Buffer
  /** Of the public listener; not used on loopback. */
  readonly tls: TlsCredentials | undefined
  /** What is answered; one per path. */
  readonly calls: readonly CallHandler[]
  /** Takes links of pods that have watchers of sessions here. */
  readonly watchHost: Pick<WatchHost, 'accept' | 'hasRoom' | 'cut'>
  readonly logger: Logger
}

/** Connections of other pods, calls under way included; each pod keeps a few. */
const MAX_CONNECTIONS = 1_024
/** Calls that are being answered; one more is told to come again. */
const MAX_CALLS = 1_000
/** What a pod with watchers says: wishes of theirs. */
const MAX_LINK_MESSAGE_BYTES = 65_536
const TIMEOUTS = { headersMs: 3_000, requestMs: POD_CALL_DEADLINE_MS, keepAliveMs: 65_000, checkMs: 1_000 }

const REFUSED: Readonly<Record<CallRefusal, string>> = {
  unsigned: 'only pods of the fleet call here',
  forged: 'the call is not signed with the secret of this fleet, or not for this pod',
  clock: 'the clocks of the two pods are more than a minute apart',
  repeated: 'the call was made before',
  busy: 'too many calls at once',
}

/** Listens before it returns; answers with its port and whether it speaks TLS. The scope closes it. Throws StartFailure. */
export async function startCallListener(options: CallListenerOptions): Promise<{ port: number; isTls: boolean }> {
  const { scope, config } = options
  const { host, port } = config.fleet
  const tls = isOfThisMachine(host) && host !== '0.0.0.0' && host !== '::' ? undefined : options.tls
  const answerer: Answerer = { ...options, table: callTable(options.calls), check: new CallCheck(options.key) }
  let calls = 0
  const server: Server = createListener(
    (request, response) => {
      if (calls >= MAX_CALLS) return refuse(request, response, new ParleyError('RATE_LIMITED', { retryAfterMs: 500 }))
      calls++
      void answer(answerer, request, response).finally(() => calls--)
    },
    { tls, timeouts: TIMEOUTS, maxTcpConnections: MAX_CONNECTIONS },
  )
  takeLinks(server, answerer)
  scope.own(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        options.watchHost.cut()
        server.closeAllConnections()
      }),
  )
  await listen(server, { kind: 'tcp', host, port, setting: 'fleet.port' })
  return { port: (server.address() as AddressInfo).port, isTls: tls !== undefined }
}

/** Upgraded sockets are the watch host's. */
function takeLinks(server: Server, answerer: Answerer): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_LINK_MESSAGE_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    const refusal = linkRefusal(answerer, request)
    if (refusal) {
      socket.once('finish', () => socket.destroy())
      socket.end(rawProblem(refusal, requestIdOf(request.headers['x-request-id'])))
      return
    }
    sockets.handleUpgrade(request, socket, head, (link) =>
      answerer.watchHost.accept(link, sessionOfWatchPath(request.url ?? '') ?? ''),
    )
  })
}

function linkRefusal(answerer: Answerer, request: IncomingMessage): ParleyError | undefined {
  const allowed = checked(answerer, request, '')
  if (!allowed.ok) return allowed.error
  if (request.method !== 'GET' || sessionOfWatchPath(request.url ?? '') === undefined)
    return new ParleyError('NOT_FOUND')
  if (answerer.watchHost.hasRoom) return undefined
  return new ParleyError('RATE_LIMITED', { message: 'too many links of watchers', retryAfterMs: 5_000 })
}

interface Answerer extends CallListenerOptions {
  readonly table: ReadonlyMap<string, CallHandler>
  readonly check: CallCheck
}

async function answer(answerer: Answerer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const handler = answerer.table.get(request.url ?? '')
  try {
    const body = await readBody(request, handler?.maxAskedBytes ?? MAX_POD_CALL_BYTES)
    if (!body.ok) return refuse(request, response, body.error)
    const allowed = checked(answerer, request, body.value)
    if (!allowed.ok) return refuse(request, response, allowed.error)
    if (!handler || request.method !== 'POST') return refuse(request, response, new ParleyError('NOT_FOUND'))
    const asked = parsed(body.value)
    const answered = asked.ok ? await handler.answer(asked.value) : asked
    if (!answered.ok) return refuse(request, response, answered.error)
    response.writeHead(handler.status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(JSON.stringify(answered.value))
  } catch (thrown) {
    answerer.logger.error({ err: thrown, path: handler?.path }, 'a call of another pod failed')
    refuse(request, response, asParleyError(thrown))
  }
}

/** Ok when the call is of this fleet and for this pod. */
function checked(
  { podId, clock, logger, check }: Answerer,
  { method = '', url = '', headers, socket }: IncomingMessage,
  body: string,
): Result<void, ParleyError> {
  const header = headers[SIGNATURE_HEADER]
  const signed = check.check(String(header ?? ''), { method, path: url, body, podId }, clock.wallMs())
  if (signed.ok) return ok(undefined)
  logger.warn({ address: socket.remoteAddress, why: signed.error }, 'a call that is none of the fleet was refused')
  const code = signed.error === 'busy' ? 'RATE_LIMITED' : 'FORBIDDEN'
  return err(new ParleyError(code, { message: REFUSED[signed.error] }))
}

function parsed(body: string): Result<unknown, ParleyError> {
  try {
    return ok(JSON.parse(body))
  } catch {
    return err(new ParleyError('BAD_REQUEST', { message: 'the body is not valid JSON' }))
  }
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Result<string, ParleyError>> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > maxBytes) return err(new ParleyError('MESSAGE_TOO_LARGE'))
    parts.push(part)
  }
  return ok(Buffer.concat(parts).toString('utf8'))
}

function refuse(request: IncomingMessage, response: ServerResponse, error: ParleyError): void {
  if (response.headersSent) return
  const requestId = requestIdOf(request.headers['x-request-id'])
  response.writeHead(error.entry.httpStatus, { ...problemHeaders(error), connection: 'close' })
  response.end(JSON.stringify(problemOf(error, requestId)))
}
