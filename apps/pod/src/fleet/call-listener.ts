// Where other pods of the fleet call: a listener of its own, never the public one. It answers nothing that is not signed with the fleet secret, for
// this pod, now; a call it does not know is as good as unsigned.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ResolvedConfig } from '@parley/config'
import { type Clock, err, ok, type Result, type Scope } from '@parley/kernel'
import {
  compileCheck,
  MAX_POD_CALL_BYTES,
  ParleyError,
  POD_CALL_DEADLINE_MS,
  POD_OPEN_PATH,
  type PodOpenCall,
  PodOpenCallSchema,
  type SessionCreated,
} from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { listen } from '../http/listen.ts'
import { createListener, type TlsCredentials } from '../http/listener.ts'
import { asParleyError, problemHeaders, problemOf } from '../http/problem.ts'
import { requestIdOf } from '../http/request-id.ts'
import { isOfThisMachine } from './addresses.ts'
import { CallCheck, type CallRefusal, SIGNATURE_HEADER } from './signed-call.ts'

export interface CallListenerOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly config: Pick<ResolvedConfig, 'fleet'>
  readonly podId: string
  readonly key: Buffer
  /** Of the public listener; not used on loopback. */
  readonly tls: TlsCredentials | undefined
  readonly open: (call: PodOpenCall) => Promise<Result<SessionCreated, ParleyError>>
  readonly logger: Logger
}

/** Connections of other pods, calls under way included; each pod keeps a few. */
const MAX_CONNECTIONS = 512
/** Calls that are being answered; one more is told to come again. */
const MAX_CALLS = 1_000
const TIMEOUTS = { headersMs: 3_000, requestMs: POD_CALL_DEADLINE_MS, keepAliveMs: 65_000, checkMs: 1_000 }
const checkCall = compileCheck<PodOpenCall>(PodOpenCallSchema)

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
  const check = new CallCheck(options.key)
  let calls = 0
  const server: Server = createListener(
    (request, response) => {
      if (calls >= MAX_CALLS) return refuse(request, response, new ParleyError('RATE_LIMITED', { retryAfterMs: 500 }))
      calls++
      void answer(options, check, request, response).finally(() => calls--)
    },
    { tls, timeouts: TIMEOUTS, maxTcpConnections: MAX_CONNECTIONS },
  )
  scope.own(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  await listen(server, { kind: 'tcp', host, port, setting: 'fleet.port' })
  return { port: (server.address() as AddressInfo).port, isTls: tls !== undefined }
}

async function answer(
  options: CallListenerOptions,
  check: CallCheck,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const body = await readBody(request)
    const call = body.ok ? checked(options, check, request, body.value) : body
    const answered = call.ok ? await options.open(call.value) : call
    if (!answered.ok) return refuse(request, response, answered.error)
    response.writeHead(201, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(JSON.stringify(answered.value))
  } catch (thrown) {
    options.logger.error({ err: thrown }, 'a call of another pod failed')
    refuse(request, response, asParleyError(thrown))
  }
}

function checked(
  { podId, clock, logger }: CallListenerOptions,
  check: CallCheck,
  { method = '', url = '', headers, socket }: IncomingMessage,
  body: string,
): Result<PodOpenCall, ParleyError> {
  const header = headers[SIGNATURE_HEADER]
  const signed = check.check(String(header ?? ''), { method, path: url, body, podId }, clock.wallMs())
  if (!signed.ok) {
    logger.warn({ address: socket.remoteAddress, why: signed.error }, 'a call that is none of the fleet was refused')
    const code = signed.error === 'busy' ? 'RATE_LIMITED' : 'FORBIDDEN'
    return err(new ParleyError(code, { message: REFUSED[signed.error] }))
  }
  if (method !== 'POST' || url !== POD_OPEN_PATH) return err(new ParleyError('NOT_FOUND'))
  try {
    return checkCall(JSON.parse(body))
  } catch {
    return err(new ParleyError('BAD_REQUEST', { message: 'the body is not valid JSON' }))
  }
}

async function readBody(request: IncomingMessage): Promise<Result<string, ParleyError>> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > MAX_POD_CALL_BYTES) return err(new ParleyError('MESSAGE_TOO_LARGE'))
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
