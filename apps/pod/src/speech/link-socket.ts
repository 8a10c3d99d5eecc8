// How a link's WebSocket is opened: the token for its worker, and which worker that is when only an address is known (LK21).
import type { IncomingMessage } from 'node:http'
import type { Scope } from '@parley/kernel'
import { LINK_SUBPROTOCOL, MAX_LINK_MESSAGE_BYTES } from '@parley/protocol'
import { type ClientOptions, WebSocket } from 'ws'
import { linkToken, newNonce, workerOfIdentity } from './link-auth.ts'

export interface LinkAddress {
  /** Undefined when only the address is known: the worker is asked for it at each connection. */
  readonly workerId: string | undefined
  /** ws:// or wss:// */
  readonly url: string
}

export interface LinkCredentials {
  readonly podId: string
  readonly fleetSecret: string
  /** PEM certificates that workers are trusted by (wss); those of the system unless told. */
  readonly caCertificates?: readonly string[] | undefined
}

export interface DialledLink {
  readonly socket: WebSocket
  readonly workerId: string
}

/**
 * A socket that is about to connect; it and whatever came before it belong to `attempt`. Undefined when `attempt` has ended meanwhile.
 * Rejects when the address is none, or when whoever answers there cannot prove to be a worker of this fleet.
 */
export async function dialLink(
  attempt: Scope,
  address: LinkAddress,
  credentials: LinkCredentials,
  wallMs: () => number,
): Promise<DialledLink | undefined> {
  const { podId, fleetSecret } = credentials
  const workerId = address.workerId ?? (await askIdentity(attempt, address.url, credentials))
  if (workerId === undefined || attempt.isClosed) return undefined
  const token = await linkToken(fleetSecret, podId, workerId, wallMs())
  if (attempt.isClosed) return undefined
  return { workerId, socket: open(attempt, address.url, credentials, { authorization: `Bearer ${token}` }) }
}

function open(
  attempt: Scope,
  url: string,
  { caCertificates }: LinkCredentials,
  headers: ClientOptions['headers'],
): WebSocket {
  const socket = new WebSocket(url, LINK_SUBPROTOCOL, {
    headers,
    perMessageDeflate: false,
    maxPayload: MAX_LINK_MESSAGE_BYTES,
    followRedirects: false,
    ...(caCertificates ? { ca: [...caCertificates] } : {}),
    // Masking protects browsers from confused proxies. There is no browser here, and a zero mask costs nothing.
    generateMask: () => {},
  })
  attempt.own(() => {
    socket.removeAllListeners()
    socket.on('error', () => {}) // terminate() of a socket that is still connecting reports itself
    socket.terminate()
  })
  return socket
}

/** What a refusal of the link's upgrade means, and what mends it. */
export function refusalWords(status: number | undefined): string {
  switch (status) {
    case 401:
      return 'the worker does not know this pod (401): both must have the same fleet secret (PARLEY_FLEET_SECRET), and clocks within a minute'
    case 503:
      return 'the worker is stopping or has as many links as it takes (503)'
    default:
      return `the worker refused the link (${status}): is a speech worker at that address?`
  }
}

/** Without a token: what refuses us says who it is. Undefined when `attempt` ends before that. */
function askIdentity(attempt: Scope, url: string, credentials: LinkCredentials): Promise<string | undefined> {
  const nonce = newNonce()
  const socket = open(attempt, url, credentials, { 'parley-nonce': nonce })
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
  socket.on('unexpected-response', (_request: unknown, response: IncomingMessage) => {
    const workerId = workerOfIdentity(credentials.fleetSecret, nonce, response.headers['www-authenticate'])
    if (workerId === undefined)
      reject(new Error(`no speech worker of this fleet answers there (${response.statusCode})`))
    else resolve(workerId)
    socket.terminate()
  })
  socket.on('open', () => reject(new Error('whoever answers there asks for no credentials')))
  socket.on('error', reject)
  attempt.own(() => resolve(undefined))
  return promise
}
