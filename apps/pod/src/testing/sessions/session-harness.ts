// Sessions on a real WebSocket server on a free port, with hand-driven speech, plain tokens and a clock of the test's choice.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Clock, newId } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { CLIENT_SUBPROTOCOL, type SessionCreated, type Welcome } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { ScriptedTextService } from '@parley/text/testing'
import { WebSocketServer } from 'ws'
import type { Principal } from '../../identity/identity-port.ts'
import { CLIENT_SOCKET_OPTIONS } from '../../sessions/client-socket.ts'
import { createPodSessions, type PodSessionsOptions } from '../../sessions/pod-sessions.ts'
import type { PublicUrls, SessionService } from '../../sessions/session-service.ts'
import type { UdpService } from '../../sessions/udp-offer.ts'
import { ManualSpeak } from './manual-speak.ts'
import { ManualSpeech } from './manual-speech.ts'
import { PlainTokens } from './plain-tokens.ts'
import { TestClient } from './test-client.ts'

type SessionConfig = PodSessionsOptions['config']

export const ADMIN: Principal = { tenant: 'default', role: 'admin', user: undefined, keyId: 'key-a' }
export const PCM16 = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 } as const

export function sessionConfig(
  overrides: {
    sessions?: Partial<SessionConfig['sessions']>
    limits?: Partial<SessionConfig['limits']>
    text?: Partial<SessionConfig['text']>
  } = {},
): SessionConfig {
  return {
    text: {
      maxTargetLanguages: 8,
      partialWaitMs: 2_000,
      finalDeadlineMs: 30_000,
      maxChangedWords: 4,
      cacheBytes: 1_000_000,
      cacheMinutes: 240,
      engines: [],
      ...overrides.text,
    },
    sessions: {
      seats: 2_000,
      graceMs: 60_000,
      outboxBytes: 262_144,
      audioBytes: 2_147_483_648,
      historyBytes: 262_144,
      historyTotalBytes: 67_108_864,
      watchersPerSession: 200,
      ...overrides.sessions,
    },
    limits: {
      connections: 10_000,
      connectionsPerAddress: 200,
      streamConnections: 50,
      sessionsPerUser: 2_000,
      requestsPerMinute: 600,
      controlMessagesPerSecond: 20,
      audioPaceRatio: 3,
      ...overrides.limits,
    },
  }
}

export interface SessionHarness {
  readonly clock: ManualClock
  readonly service: SessionService
  readonly speech: ManualSpeech
  readonly speak: ManualSpeak
  readonly text: ScriptedTextService
  readonly tokens: PlainTokens
  readonly urls: PublicUrls
  /** TCP connections the server has. */
  tcpConnections(): Promise<number>
  create(principal?: Principal): Promise<SessionCreated>
  connect(): Promise<TestClient>
  /** A session with its owner welcomed. */
  open(more?: object): Promise<{ created: SessionCreated; client: TestClient; welcome: Welcome }>
  /** A connection that says hello with the resume token of `welcome`, having seen events up to `seq`. */
  resume(welcome: Welcome, seq: number, more?: object): Promise<TestClient>
  /** A watcher of the session, welcomed. */
  watch(sessionId: string, more?: object): Promise<TestClient>
  /** Moves the clock on, letting sockets do their part between steps. */
  pass(ms: number, stepMs?: number): Promise<void>
  close(): Promise<void>
}

export async function startSessions(
  options: {
    config?: SessionConfig
    speech?: ManualSpeech
    serviceClock?: Clock
    udp?: UdpService
    text?: ScriptedTextService
    /** What the upgrade says of every connection; true unless told. */
    mayCarryKeys?: boolean
  } = {},
): Promise<SessionHarness> {
  const clock = new ManualClock()
  const speech = options.speech ?? new ManualSpeech()
  const speak = new ManualSpeak()
  const text = options.text ?? new ScriptedTextService()
  const tokens = new PlainTokens(options.serviceClock ?? clock)
  const service = createPodSessions({
    clock: options.serviceClock ?? clock,
    config: options.config ?? sessionConfig(),
    podId: newId('pod'),
    speech,
    speak,
    text,
    onVoicesChange: (listener) => speak.onVoicesChange(listener),
    tokens,
    udp: options.udp,
    logger: silentLogger,
  })
  const mayCarryKeys = options.mayCarryKeys ?? true
  const http = createServer()
  const sockets = new WebSocketServer({
    ...CLIENT_SOCKET_OPTIONS,
    server: http,
    handleProtocols: () => CLIENT_SUBPROTOCOL,
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const wsUrl = `ws://127.0.0.1:${port}/`
  const urls = { wsUrl, pageUrl: `http://127.0.0.1:${port}/` }
  sockets.on('connection', (socket) =>
    service.attach(socket, { address: '127.0.0.1', requestId: newId('req'), wsUrl, mayCarryKeys }),
  )

  const create = async (principal: Principal = ADMIN): Promise<SessionCreated> => {
    const created = await service.create(principal, {}, urls)
    if (!created.ok) throw created.error
    return created.value
  }
  const connect = (): Promise<TestClient> => TestClient.connect(wsUrl)
  const tcpConnections = (): Promise<number> =>
    new Promise((resolve, reject) => http.getConnections((error, count) => (error ? reject(error) : resolve(count))))
  return {
    clock,
    service,
    speech,
    speak,
    text,
    tokens,
    urls,
    tcpConnections,
    create,
    connect,
    async open(more = {}) {
      const created = await create()
      const client = await connect()
      client.send({ type: 'hello', token: created.ticket, audio: PCM16, ...more })
      return { created, client, welcome: await client.expect('welcome') }
    },
    async resume(welcome, seq, more = {}) {
      const client = await connect()
      client.send({ type: 'hello', token: welcome.resumeToken, audio: PCM16, resume: { seq }, ...more })
      return client
    },
    async watch(sessionId, more = {}) {
      const link = await service.createWatchLink(ADMIN, sessionId, undefined, urls)
      if (!link.ok) throw link.error
      const client = await connect()
      client.send({ type: 'hello', token: link.value.token, ...more })
      await client.expect('welcome')
      return client
    },
    pass: (ms, stepMs = 200) => clock.advanceAsync(ms, stepMs),
    async close() {
      const closing = service.close('shutting_down')
      let isDone = false
      void closing.then(() => {
        isDone = true
      })
      await eventually(async () => {
        await clock.advanceAsync(200)
        return isDone ? undefined : 'the service is still closing'
      })
      sockets.close()
      http.closeAllConnections()
      await new Promise<void>((resolve) => http.close(() => resolve()))
    },
  }
}
