// Calls to other pods of the fleet: signed, within a deadline, over connections that are kept.
import http from 'node:http'
import https from 'node:https'
import { type Clock, err, ok, type Result, type Scope } from '@parley/kernel'
import {
  ERROR_CODES,
  type ErrorCode,
  ParleyError,
  POD_CALL_DEADLINE_MS,
  type PodOpenCall,
  type Problem,
  type SessionCreated,
} from '@parley/protocol'
import { WebSocket } from 'ws'
import { OPEN_SESSION, type PodCall } from './pod-call.ts'
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

interface Outgoing {
  readonly url: string
  readonly body: string
  readonly signature: string
  readonly deadlineMs: number
  readonly maxAnsweredBytes: number
}

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

  open(peer: Peer, call: PodOpenCall): Promise<Result<SessionCreated, CallFailure>> {
    return this.ask(peer, OPEN_SESSION, call)
  }

  /** Answered within the call's `deadlineMs`. Rejects never. */
  async ask<Asked, Answered>(
    peer: Peer,
    call: PodCall<Asked, Answered>,
    asked: Asked,
  ): Promise<Result<Answered, CallFailure>> {
    const { path, deadlineMs, maxAnsweredBytes } = call
    const body = JSON.stringify(asked)
    const signed = { method: 'POST', path, body, podId: peer.podId }
    const signature = signCall(this.#options.key, signed, this.#options.clock.wallMs())
    try {
      const answer = await this.#send({ url: `${peer.url}${path}`, body, signature, deadlineMs, maxAnsweredBytes })
      return read(answer, call)
    } catch (error) {
      return err({ kind: 'unreachable', why: (error as Error).message })
    }
  }

  /** A WebSocket to another pod, open; the caller's to close. Or why there is none, within POD_CALL_DEADLINE_MS. */
  async connect(peer: Peer, path: string, maxPayloadBytes: number): Promise<Result<WebSocket, string>> {
    const { key, clock } = this.#options
    const isTls = peer.url.startsWith('https:')
    const ca = isTls ? [...(await this.#options.ca())] : undefined
    const signature = signCall(key, { method: 'GET', path, body: '', podId: peer.podId }, clock.wallMs())
    const socket = new WebSocket(`${peer.url.replace(/^http/, 'ws')}${path}`, {
      headers: { [SIGNATURE_HEADER]: signature },
      handshakeTimeout: POD_CALL_DEADLINE_MS,
      maxPayload: maxPayloadBytes,
      perMessageDeflate: false,
      ...(ca ? { ca } : {}),
    })
    return new Promise((resolve) => {
      socket.once('open', () => resolve(ok(socket)))
      socket.once('error', (error) => resolve(err(error.message)))
    })
  }

  #agentOf(isTls: boolean): http.Agent | Promise<https.Agent> {
    if (!isTls) return this.#http
    this.#https ??= this.#options
      .ca()
      .then((ca) => new https.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, ca: [...ca] }))
    return this.#https
  }

  async #send(call: Outgoing): Promise<{ status: number; text: string }> {
    const { url, body, signature, deadlineMs, maxAnsweredBytes } = call
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
          if (text.length > maxAnsweredBytes) request.destroy(new Error('its answer is far too long'))
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        response.on('error', reject)
      })
      const timer = this.#options.clock.after(deadlineMs, () =>
        request.destroy(new Error(`no answer within ${deadlineMs} ms`)),
      )
      request.on('error', reject)
      request.on('close', () => timer.cancel())
      request.end(body)
    })
  }
}

function read<Asked, Answered>(
  { status, text }: { status: number; text: string },
  call: PodCall<Asked, Answered>,
): Result<Answered, CallFailure> {
  const value = parsed(text)
  if (status === call.status) {
    const answered = call.checkAnswered(value)
    if (answered.ok) return answered
    return err({ kind: 'unreachable', why: `its answer makes no sense: ${answered.error.message}` })
  }
  const { code, detail, retryAfterMs, field } = (value ?? {}) as Partial<Problem>
  if (code === undefined) return err({ kind: 'unreachable', why: `it answered ${status}, which is no answer of a pod` })
  if (!ERROR_CODES.includes(code as ErrorCode)) {
    return err({ kind: 'unreachable', why: `it refused with ${code}, a code of another version: ${detail ?? status}` })
  }
  if (code === 'NOT_FOUND')
    return err({ kind: 'unreachable', why: 'it does not know this call: it is of another version' })
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
