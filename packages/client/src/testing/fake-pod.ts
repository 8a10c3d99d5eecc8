// A pod without speech workers: the real protocol over real sockets, a script instead of a recogniser. For tests of whatever
// uses the client, and for trying the client without a platform.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, newId, randomToken, systemClock } from '@parley/kernel'
import {
  CLIENT_SUBPROTOCOL,
  CLOSE_REASONS,
  type CreateSession,
  CreateSessionSchema,
  compileCheck,
  DEAD_AFTER_MS,
  decodeClientMessage,
  type ErrorCode,
  type ErrorDetails,
  errorMessage,
  ParleyError,
  PING_INTERVAL_MS,
  type Voices,
} from '@parley/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { parse, problemOf, readBody, sendJson, sendProblem } from './fake-http.ts'
import { FakeSession, send } from './fake-session.ts'
import type { FakeUdp } from './fake-udp.ts'
import { FAKE_VOICE } from './fake-voice.ts'
import { type ScriptedUtterance, scriptOf } from './scripted-speech.ts'

export interface FakePodOptions {
  /** What every session will be found to have said. */
  readonly script?: readonly ScriptedUtterance[]
  /** Silence that ends an utterance, ms of media time; 300 unless told. */
  readonly endpointMs?: number
  readonly languages?: readonly string[]
  /** `fake` alone unless told. */
  readonly voices?: Voices['voices']
  /** The one key it accepts; made up unless told. */
  readonly apiKey?: string
  /** PEM; the pod serves https and wss. */
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly pingIntervalMs?: number
  readonly deadAfterMs?: number
  /** State of speech in the welcome. */
  readonly speech?: 'ready' | 'waiting'
  /** How long a session waits for a client whose connection broke, ms; 60,000 unless told. */
  readonly graceMs?: number
  /** Events sent again to a client that comes back, the newest; 100 unless told. */
  readonly replayEvents?: number
  /** What the welcome names; nothing unless told. */
  readonly audioPaceRatio?: number
  /** Takes audio as sealed UDP packets too; needs the packages of a platform. False unless told. */
  readonly udp?: boolean
  /** Pages it serves by path, for tests in a browser: of its own origin, as a pod's page is. */
  readonly pages?: Readonly<Record<string, FakePage>>
  readonly clock?: Clock
  /** Called with each session before anybody connects to it. */
  readonly onSession?: (session: FakeSession) => void
}

export interface FakePage {
  readonly contentType: string
  readonly body: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** Where the next refusal happens: the answer to POST, the upgrade to a WebSocket, the answer to hello. */
export type RefusalPoint = 'create' | 'upgrade' | 'hello'

export interface FakePod {
  /** http(s)://localhost:port */
  readonly url: string
  readonly apiKey: string
  /** Sessions created and not yet closed, oldest first. */
  readonly sessions: readonly FakeSession[]
  /** The session created last; throws when there is none. */
  readonly last: FakeSession
  /** Requests and upgrades served so far, `METHOD path`. */
  readonly requests: readonly string[]
  /** Makes the next request at `point` fail with `code`. */
  refuseNext(point: RefusalPoint, code: ErrorCode, details?: ErrorDetails): void
  /** Makes the next `POST /v1/sessions` answer with this instead, whatever it is. */
  answerNext(status: number, contentType: string, body: string): void
  /** Never answers the next `POST /v1/sessions` nor the next hello. */
  hangNext(point: 'create' | 'hello'): void
  /** The network to this pod: `down` cuts every socket and refuses new ones until it is `up`. Datagrams are not touched. */
  setNetwork(network: 'up' | 'down'): void
  /** The UDP side; throws when there is none. */
  readonly udp: FakeUdp
  /** Ends every session and frees the port. Idempotent. */
  close(): Promise<void>
}

const checkCreate = compileCheck<CreateSession>(CreateSessionSchema)
const SOCKET_PATH = '/p/pod_fake0000000000000000/v1/ws'
const DEFAULT_SCRIPT = scriptOf(['Hello from the fake pod.', 'It knows what you will say.'])

class FakePodServer implements FakePod {
  readonly apiKey: string
  readonly requests: string[] = []
  readonly #options: FakePodOptions
  readonly #clock: Clock
  readonly #server: Server
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, handleProtocols: pickProtocol })
  readonly #sessions = new Map<string, FakeSession>()
  readonly #refusals = new Map<RefusalPoint, ParleyError>()
  readonly #hangs = new Set<'create' | 'hello'>()
  #answer: { status: number; contentType: string; body: string } | undefined
  #last: FakeSession | undefined
  #udp: FakeUdp | undefined
  #isDown = false
  #closing: Promise<void> | undefined

  constructor(options: FakePodOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.apiKey = options.apiKey ?? `key_${randomToken(20)}`
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      this.#onRequest(request, response).catch((thrown) => sendProblem(response, thrown))
    }
    this.#server = options.tls ? createTlsServer(options.tls, onRequest) : createServer(onRequest)
    this.#server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head))
  }

  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(0, 'localhost', resolve)
    await promise
    if (!this.#options.udp) return
    const { startFakeUdp } = await import('./fake-udp.ts')
    this.#udp = await startFakeUdp()
  }

  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://localhost:${(this.#server.address() as AddressInfo).port}`
  }
  get sessions(): readonly FakeSession[] {
    return [...this.#sessions.values()]
  }
  get last(): FakeSession {
    if (!this.#last) throw new Error('no session was created yet')
    return this.#last
  }

  get udp(): FakeUdp {
    if (!this.#udp) throw new Error('this fake pod was started without udp')
    return this.#udp
  }

  setNetwork(network: 'up' | 'down'): void {
    this.#isDown = network === 'down'
    if (!this.#isDown) return
    for (const session of this.sessions) session.cut()
    for (const socket of this.#sockets.clients) socket.terminate()
  }

  refuseNext(point: RefusalPoint, code: ErrorCode, details: ErrorDetails = {}): void {
    this.#refusals.set(point, new ParleyError(code, details))
  }

  answerNext(status: number, contentType: string, body: string): void {
    this.#answer = { status, contentType, body }
  }

  hangNext(point: 'create' | 'hello'): void {
    this.#hangs.add(point)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const session of this.sessions) session.end('shutting_down')
    for (const socket of this.#sockets.clients) socket.terminate()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeAllConnections()
    await promise
    await this.#udp?.close()
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isDown) {
      request.socket.destroy()
      return
    }
    const path = (request.url ?? '/').split('?')[0] as string
    const route = `${request.method} ${path}`
    this.requests.push(route)
    const page = request.method === 'GET' ? this.#options.pages?.[path] : undefined
    if (page) {
      response.writeHead(200, { 'content-type': page.contentType, ...page.headers }).end(page.body)
      return
    }
    const body = await readBody(request)
    if (route === 'POST /v1/sessions') return this.#create(request, body, response)
    if (route === 'GET /v1/voices') {
      this.#authenticate(request)
      return sendJson(response, 200, { voices: this.#options.voices ?? [FAKE_VOICE] })
    }
    const inSession = /^\/v1\/sessions\/([^/]+)(\/watch-links(?:\/([^/]+))?|\/history)?$/.exec(path)
    if (!inSession) throw new ParleyError('NOT_FOUND')
    this.#authenticate(request)
    const session = this.#sessions.get(inSession[1] as string)
    if (!session) throw new ParleyError('SESSION_UNKNOWN')
    if (inSession[2] === '/history') return sendHistory(request, session, response)
    if (inSession[2]) return this.#watchLink(request, session, inSession[3], response)
    if (request.method === 'GET') return sendJson(response, 200, this.#view(session))
    if (request.method !== 'DELETE') throw new ParleyError('METHOD_NOT_ALLOWED')
    session.end('deleted')
    response.writeHead(204).end()
  }

  #create(request: IncomingMessage, body: string, response: ServerResponse): void {
    if (this.#hangs.delete('create')) return
    const answer = this.#answer
    this.#answer = undefined
    if (answer) {
      response.writeHead(answer.status, { 'content-type': answer.contentType }).end(answer.body)
      return
    }
    this.#authenticate(request)
    this.#maybeRefuse('create')
    const checked = checkCreate(parse(body))
    if (!checked.ok) throw checked.error
    const language = checked.value.language ?? 'en'
    const languages = this.#options.languages ?? ['en']
    if (!languages.includes(language)) {
      const message = `no engine recognises "${language}"; possible: ${languages.join(', ')}`
      throw new ParleyError('LANGUAGE_UNSUPPORTED', { message, field: 'language', value: language, allowed: languages })
    }
    const session = this.#newSession(language)
    sendJson(response, 201, {
      sessionId: session.id,
      ticket: session.ticket,
      ticketExpiresAtMs: this.#clock.wallMs() + 60_000,
      url: this.#socketUrl,
      language,
    })
  }

  #newSession(language: string): FakeSession {
    const { script = DEFAULT_SCRIPT, endpointMs = 300, speech = 'ready' } = this.#options
    const { pingIntervalMs = PING_INTERVAL_MS, deadAfterMs = DEAD_AFTER_MS } = this.#options
    const id: string = newId('ses')
    const { graceMs = 60_000, replayEvents = 100, audioPaceRatio } = this.#options
    const options = {
      ...{ language, script, endpointMs, pingIntervalMs, deadAfterMs, speech, entryUrl: this.url },
      ...{ graceMs, replayEvents, audioPaceRatio, udp: this.#udp },
    }
    const session = new FakeSession(id, `ticket_${randomToken(20)}`, options, this.#clock, () => {
      this.#sessions.delete(id)
    })
    this.#sessions.set(id, session)
    this.#last = session
    this.#options.onSession?.(session)
    return session
  }

  get #socketUrl(): string {
    return `${this.url.replace(/^http/, 'ws')}${SOCKET_PATH}`
  }

  #watchLink(
    request: IncomingMessage,
    session: FakeSession,
    linkId: string | undefined,
    response: ServerResponse,
  ): void {
    if (request.method === 'DELETE' && linkId) {
      session.watchTokens.clear()
      response.writeHead(204).end()
      return
    }
    const token = `watch_${randomToken(20)}`
    session.watchTokens.add(token)
    sendJson(response, 201, {
      linkId: newId('wat'),
      token,
      url: this.#socketUrl,
      pageUrl: `${this.url}/watch#${token}`,
      expiresAtMs: this.#clock.wallMs() + 3_600_000,
    })
  }

  #view(session: FakeSession): object {
    return {
      sessionId: session.id,
      podId: 'pod_fake0000000000000000',
      state: session.state,
      language: session.options.language,
      user: 'default',
      createdAtMs: this.#clock.wallMs(),
      audioMs: session.mediaMs,
      finals: 0,
      watchers: session.watchers,
      metadata: {},
    }
  }

  #authenticate(request: IncomingMessage): void {
    if (request.headers.authorization !== `Bearer ${this.apiKey}`) throw new ParleyError('UNAUTHENTICATED')
  }

  #maybeRefuse(point: RefusalPoint): void {
    const refusal = this.#refusals.get(point)
    this.#refusals.delete(point)
    if (refusal) throw refusal
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.requests.push(`UPGRADE ${request.url}`)
    if (this.#isDown) {
      socket.destroy()
      return
    }
    try {
      if (request.url !== SOCKET_PATH) throw new ParleyError('NOT_FOUND')
      this.#maybeRefuse('upgrade')
    } catch (thrown) {
      const problem = problemOf(thrown)
      const body = JSON.stringify(problem)
      socket.end(
        `HTTP/1.1 ${problem.status} Refused\r\nContent-Type: application/problem+json\r\n` +
          `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      )
      return
    }
    this.#sockets.handleUpgrade(request, socket, head, (client) => this.#onSocket(client))
  }

  #onSocket(socket: WebSocket): void {
    socket.on('error', () => socket.terminate())
    socket.once('message', (data) => {
      if (this.#hangs.delete('hello')) return
      const decoded = decodeClientMessage(data.toString())
      if (!decoded.ok) return refuseSocket(socket, decoded.error)
      const hello = decoded.value
      if (hello.type !== 'hello') return refuseSocket(socket, new ParleyError('UNEXPECTED_MESSAGE'))
      try {
        this.#maybeRefuse('hello')
      } catch (thrown) {
        return refuseSocket(socket, thrown as ParleyError)
      }
      const watched = this.sessions.find((session) => session.watchTokens.has(hello.token))
      if (watched) return watched.attachWatcher(socket, hello)
      const resumed = this.sessions.find((session) => session.resumeToken === hello.token)
      if (resumed) return resumed.attachOwner(socket, hello)
      if (hello.token.startsWith('resume_')) return refuseSocket(socket, new ParleyError('SESSION_UNKNOWN'))
      const owned = this.sessions.find((session) => session.ticket === hello.token)
      if (!owned) return refuseSocket(socket, new ParleyError('TICKET_INVALID'))
      if (owned.state === 'suspended') return refuseSocket(socket, new ParleyError('SESSION_SUSPENDED'))
      if (owned.state !== 'opening') return refuseSocket(socket, new ParleyError('TICKET_USED'))
      owned.attachOwner(socket, hello)
    })
  }
}

function pickProtocol(offered: Set<string>): string | false {
  return offered.has(CLIENT_SUBPROTOCOL) ? CLIENT_SUBPROTOCOL : false
}

function sendHistory(request: IncomingMessage, session: FakeSession, response: ServerResponse): void {
  if (session.historyFault) throw new ParleyError(session.historyFault)
  const query = new URL(request.url ?? '/', 'http://localhost').searchParams
  sendJson(
    response,
    200,
    session.history.page(session.id, Number(query.get('afterSeq') ?? 0), Number(query.get('limit') ?? 200)),
  )
}

function refuseSocket(socket: WebSocket, error: ParleyError): void {
  send(socket, errorMessage(error.code, error.details))
  send(socket, { type: 'closing', reason: 'refused', message: CLOSE_REASONS.refused.meaning, mayResume: false })
  socket.close(CLOSE_REASONS.refused.closeCode)
}

/** Listens on a free port of localhost. Close it when done. */
export async function startFakePod(options: FakePodOptions = {}): Promise<FakePod> {
  const pod = new FakePodServer(options)
  await pod.listen()
  return pod
}
