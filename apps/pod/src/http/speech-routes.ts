// The requests of clients of others (/v1/listen, /v1/audio/*) on the public listener: everything about them, their bodies and their
// credentials included, is the stream endpoints' affair; limits per address, cross-origin rules and metrics are this listener's.
import { ParleyError } from '@parley/protocol'
import { ENDPOINTS, type RefusalForm, refusalOf, type StreamEndpoints } from '@parley/stream-endpoints'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { asParleyError } from './problem.ts'

/** Undefined `streams`: the configuration wants none. */
export async function registerSpeechRoutes(
  app: FastifyInstance,
  streams: Pick<StreamEndpoints, 'onRequest'> | undefined,
): Promise<void> {
  await app.register(async (scope) => {
    // Bodies are read by who knows what they are, within bounds of their own.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    for (const { path, isPost, refusals } of Object.values(ENDPOINTS)) {
      if (!isPost) continue
      scope.route({
        method: ['GET', 'POST'],
        url: path,
        config: { routeName: path },
        errorHandler: (error, request, reply) => refuse(refusals, error, request, reply),
        handler: (request, reply) => {
          if (!streams) throw new ParleyError('NOT_FOUND', { message: 'this pod has no such endpoint' })
          handOver(streams, request, reply)
        },
      })
    }
  })
}

function handOver(streams: Pick<StreamEndpoints, 'onRequest'>, request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = reply
  reply.hijack()
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value)
  request.raw.headers['x-request-id'] = request.id
  void streams.onRequest(request.raw, raw)
}

function refuse(form: RefusalForm, thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { status, headers, body } = refusalOf(form, asParleyError(thrown), request.id)
  reply.code(status).headers(headers).send(body)
}
