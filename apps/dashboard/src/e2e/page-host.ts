// Serves a built page as a pod does: strict CSP, page session by one-time code, REST and WebSocket of a fake pod behind the same
// origin. For browser tests.
import { createReadStream, existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { extname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { FakePod } from '@parley/client/testing'
import { ERRORS, type ErrorCode } from '@parley/protocol'

/** No stricter than a pod's is allowed to be: what passes here passes there. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "media-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wav': 'audio/wav',
}
const SOCKET_PATH = '/p/pod_fake0000000000000000/v1/ws'
const COOKIE = 'parley_page=in'

export interface PageHostOptions {
  readonly pageDir: string
  /** File within pageDir that answers / and /watch. */
  readonly htmlPath?: string
  readonly pod?: FakePod
  readonly languages?: readonly string[]
}

export class PageHost {
  readonly #options: PageHostOptions
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()
  readonly #codes = new Set<string>()
  isAuthenticationLost = false
  #isDown = false

  constructor(options: PageHostOptions) {
    this.#options = options
    this.#server = createServer((request, response) => {
      this.#onRequest(request, response).catch(() => response.destroy())
    })
    this.#server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head))
    this.#server.on('connection', (socket: Socket) => {
      if (this.#isDown) {
        socket.destroy()
        return
      }
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }
  get origin(): string {
    return `http://localhost:${this.port}`
  }

  /** The network between the browser and this host: `down` cuts everything and lets nothing in until it is `up`. */
  setNetwork(network: 'up' | 'down'): void {
    this.#isDown = network === 'down'
    if (!this.#isDown) return
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Address with a fresh one-time code, as the command line prints it. */
  freshAddress(): string {
    const code = `code-${this.#codes.size + 1}`
    this.#codes.add(code)
    return `${this.origin}/#code=${code}`
  }

  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(0, '127.0.0.1', resolve)
    await promise
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    await promise
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0] as string
    const route = `${request.method} ${path}`
    if (route === 'GET /v1/page') return sendJson(response, 200, this.#pageInfo(request))
    if (route === 'POST /v1/page/session') return await this.#redeem(request, response)
    if (path.startsWith('/v1/')) return await this.#forward(request, response)
    this.#serveFile(path === '/' || path === '/watch' ? `/${this.#options.htmlPath ?? 'index.html'}` : path, response)
  }

  #pageInfo(request: IncomingMessage): object {
    return this.#infoFor(this.#isLetIn(request), request)
  }

  #infoFor(authenticated: boolean, request: IncomingMessage): object {
    const { languages = ['en'] } = this.#options
    const socketUrl = `ws://${request.headers.host}${SOCKET_PATH}`
    const targets = Object.fromEntries(languages.map((language) => [language, ['es', 'ca']]))
    return { authenticated, languages, targets, version: '0.0.0', socketUrl }
  }

  #isLetIn(request: IncomingMessage): boolean {
    return (request.headers.cookie ?? '').includes(COOKIE) && !this.isAuthenticationLost
  }

  async #redeem(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { code } = JSON.parse(await readBody(request)) as { code: string }
    if (!this.#codes.delete(code)) return sendProblem(response, 'CODE_INVALID')
    response.setHeader('set-cookie', `${COOKIE}; HttpOnly; SameSite=Strict; Path=/`)
    sendJson(response, 200, this.#infoFor(true, request))
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pod } = this.#options
    if (!pod || !this.#isLetIn(request)) return sendProblem(response, 'UNAUTHENTICATED')
    const body = await readBody(request)
    const answer = await fetch(`${pod.url}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { authorization: `Bearer ${pod.apiKey}`, 'content-type': 'application/json' },
      ...(body === '' ? {} : { body }),
    })
    const text = await answer.text()
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
    // The pod's addresses become this host's: one origin, as behind a real pod.
    response.end(text.replaceAll(new URL(pod.url).host, request.headers.host ?? ''))
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pod } = this.#options
    if (!pod) {
      socket.destroy()
      return
    }
    const target = connect(Number(new URL(pod.url).port), 'localhost')
    const headers = request.rawHeaders
      .flatMap((name, index, all) => (index % 2 === 0 ? [`${name}: ${all[index + 1]}`] : []))
      .join('\r\n')
    target.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n\r\n`)
    target.write(head)
    socket.pipe(target).pipe(socket)
    const end = () => {
      socket.destroy()
      target.destroy()
    }
    for (const side of [socket, target]) side.on('error', end).on('close', end)
  }

  #serveFile(path: string, response: ServerResponse): void {
    const file = join(this.#options.pageDir, path)
    const contentType = CONTENT_TYPES[extname(path)]
    if (path.includes('..') || !contentType || !existsSync(file)) {
      sendProblem(response, 'NOT_FOUND')
      return
    }
    response.writeHead(200, {
      'content-type': contentType,
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
    createReadStream(file).pipe(response)
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function sendProblem(response: ServerResponse, code: ErrorCode): void {
  const { httpStatus: status, title, hop, retryable } = ERRORS[code]
  const problem = { type: `https://parley.dev/errors/${code}`, title, status, detail: title, code, hop, retryable }
  response.writeHead(status, { 'content-type': 'application/problem+json' })
  response.end(JSON.stringify({ ...problem, requestId: 'req_00000000000000000000' }))
}

export async function startPageHost(options: PageHostOptions): Promise<PageHost> {
  const host = new PageHost(options)
  await host.listen()
  return host
}
