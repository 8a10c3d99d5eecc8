// HTTP as the fake pod speaks it: bodies in, JSON and problem+json out.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { newId } from '@parley/kernel'
import { ERRORS, ParleyError } from '@parley/protocol'

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

export function parse(body: string): unknown {
  try {
    return JSON.parse(body === '' ? '{}' : body)
  } catch {
    throw new ParleyError('BAD_REQUEST', { message: 'the body is not valid JSON' })
  }
}

export function problemOf(thrown: unknown): { status: number; retryAfterMs?: number } {
  const error = thrown instanceof ParleyError ? thrown : new ParleyError('INTERNAL')
  const { hop, httpStatus, retryable, title } = ERRORS[error.code]
  const { message, ...details } = error.details
  return {
    type: `https://parley.dev/errors/${error.code}`,
    title,
    status: httpStatus,
    detail: message ?? title,
    code: error.code,
    hop,
    retryable,
    requestId: newId('req'),
    ...details,
  } as { status: number }
}

export function sendProblem(response: ServerResponse, thrown: unknown): void {
  const problem = problemOf(thrown)
  response.writeHead(problem.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
}

export function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
