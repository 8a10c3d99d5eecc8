// REST from Node: node:http(s) instead of fetch, because a private certificate authority can be given per request.
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { ParleyClientError } from '../core/errors.ts'
import { type HttpAnswer, MAX_ANSWER_BYTES, type SendHttp } from '../core/platform.ts'
import { connectError } from './connect-error.ts'

/** Reads an answer to its end, at most MAX_ANSWER_BYTES of it. */
export function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const chunks: Buffer[] = []
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk)
    else
      response.destroy(new ParleyClientError('BAD_ANSWER', { detail: `an answer exceeds ${MAX_ANSWER_BYTES} bytes` }))
  })
  response.on('error', reject)
  response.on('aborted', () => reject(new Error('the connection broke in the middle of an answer')))
  response.on('end', () => {
    const retryAfterSeconds = Number(response.headers['retry-after'])
    resolve({
      status: response.statusCode ?? 0,
      contentType: response.headers['content-type'] ?? '',
      retryAfterMs: Number.isFinite(retryAfterSeconds) ? retryAfterSeconds * 1000 : undefined,
      location: response.headers.location,
      body: Buffer.concat(chunks).toString('utf8'),
    })
  })
  return promise
}

/** `ca`: PEM of further authorities to trust; the system's are then not trusted (as everywhere in Node). */
export function nodeHttp(ca: string | undefined): SendHttp {
  return (request, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
    const isSecure = request.url.startsWith('https:')
    // A connection of its own (`agent: false`): a kept one may have died meanwhile, and POST cannot be tried twice.
    const common = { method: request.method, headers: { ...request.headers }, signal, agent: false } as const
    const options = { ...common, ...(ca ? { ca } : {}) }
    const onResponse = (response: IncomingMessage): void => {
      readAnswer(response).then(resolve, reject)
    }
    const sent: ClientRequest = (isSecure ? httpsRequest : httpRequest)(request.url, options, onResponse)
    sent.on('error', (error) => reject(connectError(error, request.url)))
    sent.end(request.body)
    return promise
  }
}
