// Routes of the admin listener about the fleet: who is in it, and draining a worker.
import { ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type FleetMember, type FleetReport, findWorker } from './fleet-report.ts'

/** Time a draining worker is given unless told. */
export const DEFAULT_DRAIN_MS = 30_000
const MAX_DRAIN_MS = 86_400_000

export interface FleetAdmin {
  report(): FleetReport
  /** The worker gets no new streams and is emptied within that time; undefined: it takes streams again. False when it is not there any more. */
  drain(workerId: string, withinMs: number | undefined): boolean
}

interface DrainRequest {
  readonly Params: { readonly id: string }
  readonly Querystring: { readonly withinMs?: string }
}

export function registerFleetRoutes(app: FastifyInstance, fleet: FleetAdmin, logger: Logger): void {
  const act = (request: FastifyRequest<DrainRequest>, withinMs: number | undefined) => {
    const member = found(fleet.report(), request.params.id)
    if (!fleet.drain(member.id, withinMs)) throw notThere(member)
    const what = withinMs === undefined ? 'worker takes streams again' : 'worker drains'
    logger.info({ requestId: request.id, audit: true, workerId: member.id, withinMs }, what)
    const report = fleet.report()
    const others = report.members.filter(
      ({ id, kind, state }) => kind === 'worker' && id !== member.id && state === 'ready',
    )
    return { member: found(report, member.id), otherWorkersReady: others.length }
  }
  app.get('/fleet', () => fleet.report())
  app.post<DrainRequest>('/fleet/members/:id/drain', (request) => act(request, drainMs(request.query.withinMs)))
  app.post<DrainRequest>('/fleet/members/:id/undrain', (request) => act(request, undefined))
}

function found(report: FleetReport, id: string): FleetMember {
  const member = findWorker(report, id)
  if (!member.ok) throw member.error
  return member.value
}

function notThere({ id, state }: FleetMember): ParleyError {
  const message = `worker ${id} is ${state}: this pod has no link to it, and it takes no streams`
  return new ParleyError('MEMBER_UNKNOWN', { field: 'id', value: id, message })
}

function drainMs(text: string | undefined): number {
  if (text === undefined) return DEFAULT_DRAIN_MS
  const ms = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (ms <= MAX_DRAIN_MS) return ms
  const message = `withinMs is ${text.slice(0, 40)}; it must be a whole number of milliseconds from 0 to ${MAX_DRAIN_MS}`
  throw new ParleyError('INVALID_FIELD', { field: 'withinMs', value: text.slice(0, 40), message })
}
