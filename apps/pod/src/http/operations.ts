// What each operation of the protocol's table does. Thin: sessions and identity decide, errors are thrown as ParleyError.
import type { ResolvedConfig } from '@parley/config'
import { type Clock, type Result, randomToken } from '@parley/kernel'
import {
  type CreateSession,
  type HistoryQuery,
  type OperationId,
  type PageInfo,
  ParleyError,
  type SendMessage,
} from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { TextService } from '@parley/text'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { DEFAULT_TENANT } from '../identity/api-keys.ts'
import { pageCookieName } from '../identity/cookies.ts'
import type { Identity } from '../identity/identity.ts'
import type { Principal } from '../identity/identity-port.ts'
import type { PodRecords } from '../records/pod-records.ts'
import type { HistoryPage, PublicUrls, SessionService } from '../sessions/session-service.ts'
import type { SpeakPort, SpeechPort } from '../speech/speech-port.ts'
import type { Gate } from './authentication.ts'
import type { FleetOfRoutes } from './fleet-of-routes.ts'
import { forgetUser } from './forget-user.ts'
import type { OriginPolicy } from './origins.ts'
import { publicUrlsOf } from './public-urls.ts'
import type { PodPhase, Readiness } from './readiness.ts'
import { sendToSession, sendToUser, unicastOf } from './send-message.ts'
import { badHost } from './upgrade.ts'
import { originRefused } from './upgrade-decision.ts'

export interface Call {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** Checked against the operation's schema. */
  readonly body: unknown
  /** The same of its query; undefined for operations without one. */
  readonly query: unknown
  readonly params: Readonly<Record<string, string>>
}

export type Handlers = Readonly<Record<OperationId, (call: Call) => unknown>>

export interface OperationsOptions {
  readonly clock: Clock
  readonly config: Pick<ResolvedConfig, 'server'>
  readonly podId: string
  readonly version: string
  readonly sessions: SessionService
  /** Where sessions of the fleet are opened, and where those of others are; this pod alone unless told. */
  readonly fleet?: FleetOfRoutes | undefined
  readonly speech: Pick<SpeechPort, 'languages'> & Pick<SpeakPort, 'voices'>
  readonly text?: Pick<TextService, 'targets'> | undefined
  readonly identity: Pick<Identity, 'tokens' | 'pageCodes'>
  /** Undefined where none are kept. */
  readonly records?: Pick<PodRecords, 'forget'> | undefined
  readonly gate: Gate
  readonly origins: OriginPolicy
  readonly phase: () => PodPhase
  readonly readiness: () => Readiness
  readonly logger: Logger
}

const DEFAULT_USER_TOKEN_LIFETIME_MS = 3_600_000
/** How long a client refused during start or drain should wait. */
const DRAIN_RETRY_MS = 2_000
const JSON_TYPE = 'application/json; charset=utf-8'

export function createHandlers(options: OperationsOptions): Handlers {
  const { sessions, config, podId } = options
  const unicast = unicastOf(options)

  function urlsOf({ request }: Call): PublicUrls {
    const urls = publicUrlsOf(config.server.publicUrl, podId, request.client.isTls, request.headers.host)
    if (!urls) throw badHost()
    return urls
  }

  /** What this pod answers about a session; of one that it does not know, where it is. */
  async function here<T>(call: Call, result: Result<T, ParleyError>): Promise<T> {
    if (result.ok || result.error.code !== 'SESSION_UNKNOWN' || !options.fleet) return unwrap(result)
    const { url, headers } = call.request
    const told = await options.fleet.elsewhere(paramOf(call, 'sessionId'), headers.host, url)
    throw told.code === 'SESSION_UNKNOWN' ? result.error : told
  }

  return {
    async createSession(call) {
      if (options.phase() === 'draining') throw new ParleyError('DRAINING', { retryAfterMs: DRAIN_RETRY_MS })
      const [principal, body, urls] = [principalOf(call), call.body as CreateSession, urlsOf(call)]
      const { host } = call.request.headers
      const { fleet } = options
      const created = fleet
        ? await fleet.create({ principal, body, urls, host })
        : await sessions.create(principal, body, urls)
      return call.reply.code(201).send(unwrap(created))
    },
    getSession: async (call) => here(call, sessions.view(principalOf(call), paramOf(call, 'sessionId'))),
    async deleteSession(call) {
      await here(call, sessions.remove(principalOf(call), paramOf(call, 'sessionId')))
      return call.reply.code(204).send()
    },
    async getHistory(call) {
      const page = sessions.history(principalOf(call), paramOf(call, 'sessionId'), call.query as HistoryQuery)
      return call.reply.type(JSON_TYPE).send(historyJson(await here(call, page)))
    },
    async createWatchLink(call) {
      const { lifetimeMs } = call.body as { lifetimeMs?: number }
      const sessionId = paramOf(call, 'sessionId')
      const link = await sessions.createWatchLink(principalOf(call), sessionId, lifetimeMs, urlsOf(call))
      return call.reply.code(201).send(await here(call, link))
    },
    async revokeWatchLink(call) {
      const { sessionId = '', linkId = '' } = call.params
      await here(call, sessions.revokeWatchLink(principalOf(call), sessionId, linkId))
      return call.reply.code(204).send()
    },
    sendToSession: (call) =>
      sendToSession(unicast, principalOf(call), paramOf(call, 'sessionId'), call.body as SendMessage),
    sendToUser: (call) => sendToUser(unicast, principalOf(call), paramOf(call, 'user'), call.body as SendMessage),
    createUserToken: (call) => createUserToken(options, call),
    forgetUser: (call) => forgetUser(options, principalOf(call), paramOf(call, 'user')),
    listVoices: () => ({ voices: options.speech.voices() }),
    openPageSession: (call) => openPageSession(options, call),
    getPageInfo: async ({ request }) => pageInfo(options, request, (await options.gate.peek(request))?.role === 'page'),
    livez: ({ reply }) => reply.type('text/plain').send('ok\n'),
    readyz({ reply }) {
      const { isReady } = options.readiness()
      return reply
        .code(isReady ? 200 : 503)
        .type('text/plain')
        .send(isReady ? 'ready\n' : 'not ready\n')
    },
    health({ reply }) {
      const { isReady, status, checks } = options.readiness()
      return reply.code(isReady ? 200 : 503).send({ status, checks })
    },
  }
}

/** The events are JSON already, as they were sent: they are put in as they are. */
function historyJson({ sessionId, firstSeq, lastSeq, events, more }: HistoryPage): string {
  return `{"sessionId":${JSON.stringify(sessionId)},"firstSeq":${firstSeq},"lastSeq":${lastSeq},"events":[${events.join(',')}],"more":${more}}`
}

async function createUserToken(options: OperationsOptions, call: Call): Promise<FastifyReply> {
  const { user, lifetimeMs = DEFAULT_USER_TOKEN_LIFETIME_MS } = call.body as { user: string; lifetimeMs?: number }
  const { tenant, keyId } = principalOf(call)
  const issued = await options.identity.tokens.issueUserToken(tenant, user, lifetimeMs)
  const audit = { requestId: call.request.id, audit: true, tenant, keyId, user, expiresAtMs: issued.expiresAtMs }
  options.logger.info(audit, 'user token issued')
  return call.reply.code(201).send({ token: issued.token, user, expiresAtMs: issued.expiresAtMs })
}

/** A browser that already has a page session keeps its user, so that what it started stays its own. */
async function openPageSession(options: OperationsOptions, call: Call): Promise<FastifyReply> {
  const { gate, identity, logger } = options
  const { request, reply } = call
  const { origin, host } = request.headers
  if (origin !== undefined && !options.origins.isAllowed(origin, host)) throw originRefused(origin)
  gate.checkFailures(request)
  if (!identity.pageCodes.redeem((call.body as { code: string }).code)) {
    gate.countFailure(request)
    throw new ParleyError('CODE_INVALID')
  }
  const known = await gate.peek(request)
  const user = known?.role === 'page' && known.user !== undefined ? known.user : `page:${randomToken(12)}`
  const { token, expiresAtMs } = await identity.tokens.issuePageSession({ tenant: DEFAULT_TENANT, user })
  logger.info({ requestId: request.id, audit: true, user, address: request.client.address }, 'page session opened')
  const maxAgeS = Math.floor((expiresAtMs - options.clock.wallMs()) / 1000)
  const isSecure = isSecureFor(options, request)
  const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeS}${isSecure ? '; Secure' : ''}`
  return reply
    .header('set-cookie', `${pageCookieName(isSecure)}=${token}; ${attributes}`)
    .send(pageInfo(options, request, true))
}

/** Does the browser see TLS? Also when a proxy that is not trusted does it, as long as the caller came by publicUrl. */
function isSecureFor({ config }: OperationsOptions, request: FastifyRequest): boolean {
  const url = URL.parse(config.server.publicUrl)
  return request.client.isTls || (url?.protocol === 'https:' && url.host === request.headers.host)
}

function pageInfo(options: OperationsOptions, request: FastifyRequest, authenticated: boolean): PageInfo {
  const { config, podId, speech, text, version } = options
  const urls = publicUrlsOf(config.server.publicUrl, podId, request.client.isTls, request.headers.host)
  const languages = [...speech.languages()]
  const targets = Object.fromEntries(languages.map((language) => [language, [...(text?.targets(language) ?? [])]]))
  return { authenticated, languages, targets, version, ...(urls ? { socketUrl: urls.wsUrl } : {}) }
}

function principalOf({ request }: Call): Principal {
  if (!request.principal) throw new Error('an operation that needs a credential ran without the gate')
  return request.principal
}

function paramOf(call: Call, name: string): string {
  return call.params[name] ?? ''
}

function unwrap<T>(result: Result<T, ParleyError>): T {
  if (result.ok) return result.value
  throw result.error
}
