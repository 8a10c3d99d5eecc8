// The REST surface: one method per operation a client uses, problem+json turned into the client's error.
import { withDeadline } from '@parley/kernel'
import type {
  CreateSession,
  ErrorCode,
  History,
  HistoryQuery,
  PageInfo,
  Problem,
  SessionCreated,
  SessionView,
  UserToken,
  Voices,
  WatchLink,
} from '@parley/protocol'
import { asClientError, errorFromProblem, ParleyClientError } from './errors.ts'
import type { ClientPlatform, HttpAnswer, HttpRequest } from './platform.ts'
import { allowedTarget } from './reconnect.ts'

/** Exactly one of them. Browsers only ever hold the page session, whose cookie they cannot read. */
export interface ClientCredential {
  /** Key of a tenant; never in a browser. */
  readonly apiKey?: string
  /** Token minted by the tenant's backend for one user. */
  readonly userToken?: string
  /** `true`: the browser adds the cookie of the page session; a string is sent as the Cookie header. */
  readonly pageCookie?: true | string
}

export interface ApiOptions extends ClientCredential {
  /** Address of the platform: http(s)://host[:port][/base]. */
  readonly url: string
  /** For one request, ms; 10,000 unless told. */
  readonly httpDeadlineMs?: number
}

const HTTP_DEADLINE_MS = 10_000
const WRONG_POD_STATUS = 421
const MAX_HOMES = 1_000

export class ParleyApi {
  readonly #platform: ClientPlatform
  readonly #base: URL
  readonly #headers: Readonly<Record<string, string>>
  readonly #deadlineMs: number
  readonly #withCookies: boolean
  /** Addresses of the platform beside the one that was given: where it may send calls to. */
  #entryUrls: readonly string[] = []
  /** Sessions opened here that live at another address, and that address; the oldest are forgotten: the platform says it again. */
  readonly #homes = new Map<string, string>()

  /** Throws INVALID_FIELD when the address or the credentials cannot be right. */
  constructor(platform: ClientPlatform, options: ApiOptions) {
    this.#platform = platform
    this.#base = parseBase(options.url)
    this.#headers = credentialHeaders(options, platform.sendsCookies)
    this.#deadlineMs = options.httpDeadlineMs ?? HTTP_DEADLINE_MS
    this.#withCookies = options.pageCookie === true
  }

  /**
   * The platform's entry addresses, as the welcome of a session names them: a call about a session that lives on another pod goes there when the
   * pod is at one of them, with the credential. The given address is always one.
   */
  trust(entryUrls: readonly string[]): void {
    this.#entryUrls = entryUrls
  }

  /** Origin and base path, without a slash at the end. */
  get url(): string {
    return this.#base.href.replace(/\/$/, '')
  }

  /** The session is at that WebSocket address now: calls about it go there. */
  moved(sessionId: string, socketUrl: string): void {
    this.#homes.delete(sessionId)
    this.#remember({ sessionId, url: socketUrl })
  }

  async createSession(body: CreateSession): Promise<SessionCreated> {
    const created = await this.#call<SessionCreated>('POST', '/v1/sessions', body, ['sessionId', 'ticket', 'url'])
    this.#refuseDowngrade(created.url)
    this.trust([...this.#entryUrls, created.url])
    this.#remember(created)
    return created
  }

  getSession(sessionId: string): Promise<SessionView> {
    return this.#call('GET', `/v1/sessions/${encodeURIComponent(sessionId)}`, undefined, ['sessionId', 'state'])
  }

  /** Finals, abandoned utterances and answered ends of audio, oldest first, page by page. */
  getHistory(sessionId: string, { afterSeq, limit }: HistoryQuery = {}): Promise<History> {
    const query = new URLSearchParams()
    if (afterSeq !== undefined) query.set('afterSeq', String(afterSeq))
    if (limit !== undefined) query.set('limit', String(limit))
    const path = `/v1/sessions/${encodeURIComponent(sessionId)}/history`
    const needed = ['firstSeq', 'lastSeq', 'events', 'more']
    return this.#call('GET', query.size === 0 ? path : `${path}?${query}`, undefined, needed)
  }

  /** `deadlineMs`: that of the options unless told. */
  async deleteSession(sessionId: string, deadlineMs?: number): Promise<void> {
    await this.#call('DELETE', `/v1/sessions/${encodeURIComponent(sessionId)}`, undefined, [], deadlineMs)
  }

  /** A read-only, expiring link to follow the session; `lifetimeMs` 1 hour unless told. */
  createWatchLink(sessionId: string, lifetimeMs?: number): Promise<WatchLink> {
    const body = lifetimeMs === undefined ? {} : { lifetimeMs }
    const path = `/v1/sessions/${encodeURIComponent(sessionId)}/watch-links`
    return this.#call('POST', path, body, ['linkId', 'token', 'url', 'pageUrl'])
  }

  async revokeWatchLink(sessionId: string, linkId: string): Promise<void> {
    const path = `/v1/sessions/${encodeURIComponent(sessionId)}/watch-links/${encodeURIComponent(linkId)}`
    await this.#call('DELETE', path, undefined, [])
  }

  /** For backends: a token one user may hold. `lifetimeMs` 1 hour unless told. */
  createUserToken(user: string, lifetimeMs?: number): Promise<UserToken> {
    return this.#call('POST', '/v1/tokens', { user, ...(lifetimeMs === undefined ? {} : { lifetimeMs }) }, ['token'])
  }

  /** The voices texts can be said with, by language and name; none while no worker speaks. */
  async getVoices(): Promise<Voices['voices']> {
    return (await this.#call<Voices>('GET', '/v1/voices', undefined, ['voices'])).voices
  }

  /** Exchanges the one-time code of the printed address for the page session's cookie. */
  openPageSession(code: string): Promise<PageInfo> {
    return this.#call('POST', '/v1/page/session', { code }, ['version'])
  }

  getPageInfo(): Promise<PageInfo> {
    return this.#call('GET', '/v1/page', undefined, ['version'])
  }

  async #call<T>(
    method: HttpRequest['method'],
    path: string,
    body: object | undefined,
    needed: readonly string[],
    deadlineMs = this.#deadlineMs,
  ): Promise<T> {
    const home = this.#homes.get(/^\/v1\/sessions\/([^/?]+)/.exec(path)?.[1] ?? '')
    const url = `${home ?? this.url}${path}`
    const first = await this.#send(method, url, body, deadlineMs, home !== undefined)
    const elsewhere = first.status === WRONG_POD_STATUS ? this.#locationOf(errorOfAnswer(first, url)) : undefined
    // Once: a pod that sends further does not know better than the first.
    const answer = elsewhere === undefined ? first : await this.#send(method, elsewhere, body, deadlineMs, true)
    if (answer.status >= 400) throw errorOfAnswer(answer, elsewhere ?? url)
    if (answer.status >= 300) {
      const detail = `${url} redirects${answer.location ? ` to ${answer.location}` : ''}`
      throw new ParleyClientError('BAD_ANSWER', { detail, nextStep: 'Give the address it redirects to.' })
    }
    if (needed.length === 0) return undefined as T
    const value = parseJson(answer.body)
    const missing = needed.find((field) => value?.[field] === undefined)
    if (value === undefined || missing !== undefined) throw notParley(answer, url)
    return value as T
  }

  async #send(
    method: HttpRequest['method'],
    url: string,
    body: object | undefined,
    deadlineMs: number,
    isElsewhere = false,
  ): Promise<HttpAnswer> {
    const abort = new AbortController()
    const headers: Record<string, string> = { accept: 'application/json, application/problem+json', ...this.#headers }
    if (body) headers['content-type'] = 'application/json'
    const cookies = isElsewhere && this.#withCookies ? { cookiesElsewhere: true } : {}
    const request = { method, url, headers, ...cookies, ...(body ? { body: JSON.stringify(body) } : {}) }
    try {
      const work = this.#platform.sendHttp(request, abort.signal)
      return await withDeadline(this.#platform.clock, deadlineMs, `${method} ${url}`, work)
    } catch (thrown) {
      abort.abort()
      if (thrown instanceof Error && thrown.name === 'DeadlineError') {
        throw new ParleyClientError('DEADLINE_EXCEEDED', { detail: thrown.message, cause: thrown })
      }
      throw asClientError(thrown, 'CONNECT_FAILED')
    }
  }

  /** Behind one address a proxy, or the pod's answer, finds the session; at another it is asked about there from the beginning. */
  #remember({ sessionId, url }: Pick<SessionCreated, 'sessionId' | 'url'>): void {
    const home = url.replace(/^ws/, 'http').replace(/\/v1\/ws$/, '')
    if (home === url || URL.parse(home)?.host === this.#base.host) return
    const [oldest] = this.#homes.keys()
    if (this.#homes.size >= MAX_HOMES && oldest !== undefined) this.#homes.delete(oldest)
    this.#homes.set(sessionId, home)
  }

  /** Where a call is to be made instead: only within the entry addresses, never from encrypted to readable. */
  #locationOf({ code, location }: ParleyClientError): string | undefined {
    if (code !== 'WRONG_POD' || location === undefined || !URL.canParse(location)) return undefined
    if (!/^https?:$/.test(new URL(location).protocol)) return undefined
    const own = this.url.replace(/^http/, 'ws')
    return allowedTarget(location, [own, ...this.#entryUrls], own) === undefined ? undefined : location
  }

  /** A ticket must not travel readable because a proxy's address was guessed wrong. */
  #refuseDowngrade(socketUrl: string): void {
    if (this.#base.protocol !== 'https:' || socketUrl.startsWith('wss://')) return
    throw new ParleyClientError('BAD_ANSWER', {
      detail: `${this.url} is encrypted but names a WebSocket address that is not: ${socketUrl}`,
      nextStep: 'Set server.publicUrl (or server.trustedProxies) of the platform.',
    })
  }
}

function parseBase(url: string): URL {
  if (!URL.canParse(url)) {
    throw new ParleyClientError('INVALID_FIELD', {
      detail: `"${url}" is not an address`,
      nextStep: 'Give one like http://localhost:8080.',
      field: 'url',
    })
  }
  const base = new URL(url)
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    throw new ParleyClientError('INVALID_FIELD', {
      detail: `the address begins with ${base.protocol}//`,
      nextStep: 'Give the one that begins with http:// or https://; the WebSocket address follows from it.',
      field: 'url',
    })
  }
  base.search = ''
  base.hash = ''
  return base
}

function credentialHeaders(credential: ClientCredential, sendsCookies: boolean): Record<string, string> {
  const { apiKey, userToken, pageCookie } = credential
  const given = [apiKey, userToken, pageCookie].filter((value) => value !== undefined)
  if (given.length > 1) {
    throw new ParleyClientError('INVALID_FIELD', {
      detail: 'more than one of apiKey, userToken and pageCookie is given',
      nextStep: 'Give one.',
    })
  }
  const bearer = apiKey ?? userToken
  if (bearer !== undefined) return { authorization: `Bearer ${bearer}` }
  if (typeof pageCookie === 'string' && !sendsCookies) return { cookie: pageCookie }
  return {}
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The error of an answer with status >= 400: the platform's own words, or what the status of a proxy means. */
export function errorOfAnswer(answer: HttpAnswer, url: string): ParleyClientError {
  const problem = parseJson(answer.body)
  if (typeof problem?.code === 'string' && typeof problem.detail === 'string') {
    const known = problem as unknown as Problem
    return errorFromProblem(
      known.retryAfterMs === undefined && answer.retryAfterMs !== undefined
        ? { ...known, retryAfterMs: answer.retryAfterMs }
        : known,
    )
  }
  return notParley(answer, url)
}

function notParley(answer: HttpAnswer, url: string): ParleyClientError {
  const code: ErrorCode = answer.status === 429 ? 'RATE_LIMITED' : 'BAD_ANSWER'
  const what = answer.contentType === '' ? 'no content type' : answer.contentType.slice(0, 60)
  const detail = `${url} answered ${answer.status} (${what}), which is not an answer of a Parley platform`
  const retryable = answer.status === 429 || answer.status >= 500
  const retry = answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }
  return new ParleyClientError(code, { detail, retryable, ...retry })
}
