// Which requests at the admin listener were acts: told to the records with what they were about and how they were answered.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ActsToRecords } from '../bridges/acts-to-records.ts'

/** Who sends an order says here who they are, as far as they know: `cli:ada`. */
export const ACTOR_HEADER = 'x-parley-actor'
const ACTOR = /^[\w.:@-]{1,64}$/

export function noteOrders(app: FastifyInstance, acts: Pick<ActsToRecords, 'order'>): void {
  /** The id of the member that an answer names; the address may have named it otherwise. */
  const resolved = new WeakMap<FastifyRequest, string>()
  app.addHook('preSerialization', async (request, _reply, payload) => {
    const { member } = (payload ?? {}) as { member?: { id?: string } }
    if (member?.id !== undefined) resolved.set(request, member.id)
    return payload
  })
  app.addHook('onResponse', async (request, reply) => {
    if (request.method !== 'POST' || reply.statusCode === 401) return
    const header = request.headers[ACTOR_HEADER]
    const { id = '' } = (request.params ?? {}) as { id?: string }
    acts.order({
      route: request.routeOptions.url ?? '',
      actor: typeof header === 'string' && ACTOR.test(header) ? header : undefined,
      target: resolved.get(request) ?? id,
      status: reply.statusCode,
    })
  })
}
