// Asks another pod to open a session for which a seat is reserved there.
import http from 'node:http'
import https from 'node:https'
import { type Clock, err, ok, type Result, type Scope } from '@parley/kernel'
import {
  ERROR_CODES,
  type ErrorCode,
  ParleyError,
  POD_CALL_DEADLINE_MS,
  POD_OPEN_PATH,
  type PodOpenCall,
  type Problem,
  type SessionCreated,
} from '@parley/protocol'
import { SIGNATURE_HEADER, signCall } from './signed-call.ts'

export interface Peer {
  readonly podId: string
  /** Base of its listener for calls. */
  readonly url: string
}

export interface PeerCallsOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly key: Buffer
  /** Certificates that vouch for other pods; read when the first is called over TLS. */
  readonly ca: () => Promise<readonly string[]>
}

/** Why a call came to nothing. `unreachable`: nobody can say whether it was heard. */
export type CallFailure =
  | { readonly kind: 'refused'; readonly error: ParleyError }
  | { readonly kind: 'unreachable'; readonly why: string }

const MAX_SOCKETS = 64
const MAX_ANSWER_BYTES = 65_536

export class PeerCalls {
  readonly #options: PeerCallsOptions
  readonly #http = new http.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS })
  #https: Promise<https.Agent> | undefined

  constructor(options: PeerCallsOptions) {
    this.#options = options
    options.scope.own(async () => {
      this.#http.destroy()
      ;(await this.#https)?.destroy()
    })
  }

  /** Answered within POD_CALL_DEADLINE_MS. */
  async open(peer: Peer, call: PodOpenCall): Promise<Result<SessionCreated, CallFailure>> {
    const body = JSON.stringify(call)
    const signed = { method: 'POST', path: POD_OPEN_PATH, body, podId: peer.podId }
    const signature = signCall(this.#options.key, signed, this.#options.clock.wallMs())
    try {
      const answer = await this.#send(`${peer.url}${POD_OPEN_PATH}`, body, signature)
      return read(answer)
    } catch (error) {
      return err({ kind: 'unreachable', why: (error as Error).message })
    }
  }

  #agentOf(isTls: boolean): http.Agent | Promise<https.Agent> {
    if (!isTls) return this.#http
    this.#https ??= this.#options
      .ca()
      .then((ca) => new https.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, ca: [...ca] }))
    return this.#https
  }

  async #send(url: string, body: string, signature: string): Promise<{ status: number; text: string }> {
    const isTls = url.startsWith('https:')
    const agent = await this.#agentOf(isTls)
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      [SIGNATURE_HEADER]: signature,
    }
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', headers, agent }
      const request = (isTls ? https : http).request(url, options, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
          if (text.length > MAX_ANSWER_BYTES) request.destroy(new Error('its answer is far too long'))
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        response.on('error', reject)
      })
      const timer = this.#options.clock.after(POD_CALL_DEADLINE_MS, () =>
        request.destroy(new Error(`no answer within ${POD_CALL_DEADLINE_MS} ms`)),
      )
      request.on('error', reject)
      request.on('close', () => timer.cancel())
      request.end(body)
    })
  }
}

function read({ status, text }: { status: number; text: string }): Result<SessionCreated, CallFailure> {
  const value = parsed(text)
  if (status === 201 && typeof value?.sessionId === 'string') return ok(value as unknown as SessionCreated)
  const { code, detail, retryAfterMs, field } = (value ?? {}) as Partial<Problem>
  if (code === undefined || !ERROR_CODES.includes(code as ErrorCode)) {
    return err({ kind: 'unreachable', why: `it answered ${status}, which is no answer of a pod` })
  }
  const more = { ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(field === undefined ? {} : { field }) }
  const error = new ParleyError(code, { ...(detail === undefined ? {} : { message: detail }), ...more })
  return err({ kind: 'refused', error })
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
