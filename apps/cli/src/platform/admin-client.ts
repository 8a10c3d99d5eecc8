// Calls the admin listener of a running platform: a unix socket of the data directory, or a TCP port with a token.
import http from 'node:http'
import { actorOf } from './actor.ts'

export interface AdminTarget {
  /** `unix:/path/admin.sock` (also `http+unix://`), or `http://host:port`. */
  readonly adminUrl: string
  readonly token?: string
}

export interface AdminAnswer {
  readonly status: number
  readonly body: unknown
}

/** The path of the unix socket that `adminUrl` names; undefined when it is a TCP address. */
export function socketPathOf(adminUrl: string): string | undefined {
  const match = /^(?:http\+)?unix:(?:\/\/)?(.+)$/.exec(adminUrl)
  if (match) return decodeURIComponent(match[1] as string)
  return adminUrl.startsWith('/') ? adminUrl : undefined
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** One request, answered within `limitMs`. Rejects when the listener cannot be reached. */
export function callAdmin(
  target: AdminTarget,
  method: 'GET' | 'POST',
  requestPath: string,
  limitMs = 5_000,
): Promise<AdminAnswer> {
  const socketPath = socketPathOf(target.adminUrl)
  const base = socketPath === undefined ? new URL(target.adminUrl) : new URL('http://localhost')
  const headers = { 'x-parley-actor': actorOf(), ...(target.token ? { authorization: `Bearer ${target.token}` } : {}) }
  return new Promise((resolve, reject) => {
    const request = http.request(
      new URL(requestPath, base),
      { method, headers, timeout: limitMs, agent: false, ...(socketPath === undefined ? {} : { socketPath }) },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parseBody(text) }))
        response.on('error', reject)
      },
    )
    request.on('timeout', () => request.destroy(new Error(`no answer within ${limitMs} ms`)))
    request.on('error', reject)
    request.end()
  })
}
