// Routes of the admin listener about the fleet: who is in it, draining a member, rating a pod.
import type { DirectoryRefusal } from '@parley/fleet'
import type { Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type FleetMember, type FleetReport, findMember } from './fleet-report.ts'

/** Time a draining member is given unless told. */
export const DEFAULT_DRAIN_MS = 30_000
const MAX_DRAIN_MS = 86_400_000
const MAX_SEATS = 100_000

export interface FleetAdmin {
  report(): Promise<FleetReport>
  /** The worker gets no new streams and is emptied within that time; undefined: it takes streams again. False when it is not there any more. */
  drain(workerId: string, withinMs: number | undefined): boolean
  /** Has the supervisor of this pod end a member of that name and start it again; undefined: there is none. */
  readonly restart?: ((name: string) => void) | undefined
  /** Orders for pods, by way of the directory; undefined: this pod is in no fleet. */
  readonly pods: PodOrders | undefined
}

type Ordered = Promise<Result<void, DirectoryRefusal>>

export interface PodOrders {
  drain(podId: string, withinMs: number): Ordered
  undrain(podId: string): Ordered
  rate(podId: string, ratedSeats: number): Ordered
}

interface OrderRequest {
  readonly Params: { readonly id: string }
  readonly Querystring: { readonly withinMs?: string; readonly sessions?: string }
}
type Asked = FastifyRequest<OrderRequest>

export function registerFleetRoutes(app: FastifyInstance, fleet: FleetAdmin, logger: Logger): void {
  const act = async (request: Asked, withinMs: number | undefined) => {
    const member = found(await fleet.report(), request.params.id)
    if (member.kind === 'pod') await drainPod(fleet, member, withinMs)
    else if (!fleet.drain(member.id, withinMs)) throw notThere(member)
    const what = withinMs === undefined ? 'member serves again' : 'member drains'
    logger.info({ requestId: request.id, audit: true, member: member.id, kind: member.kind, withinMs }, what)
    const report = await fleet.report()
    const others = (kind: string, calm: string) =>
      report.members.filter((other) => other.kind === kind && other.id !== member.id && other.state === calm).length
    return {
      member: found(report, member.id),
      otherWorkersReady: others('worker', 'ready'),
      otherPodsServing: others('pod', 'serving'),
    }
  }
  app.get('/fleet', () => fleet.report())
  app.post<OrderRequest>('/fleet/members/:id/drain', (request) => act(request, drainMs(request.query.withinMs)))
  app.post<OrderRequest>('/fleet/members/:id/undrain', (request) => act(request, undefined))
  app.post<OrderRequest>('/fleet/members/:id/restart', async (request) => {
    const member = found(await fleet.report(), request.params.id)
    const { name } = restart(fleet, member)
    logger.info({ requestId: request.id, audit: true, member: member.id, name }, 'member is started again')
    return { member }
  })
  app.post<OrderRequest>('/fleet/members/:id/rate', async (request) => {
    const sessions = ratedSeats(request.query.sessions)
    const member = found(await fleet.report(), request.params.id)
    if (member.kind !== 'pod') throw noPod(member)
    ordered(await podsOf(fleet).rate(member.id, sessions))
    logger.info({ requestId: request.id, audit: true, member: member.id, sessions }, 'pod rated anew')
    return { member: found(await fleet.report(), member.id), sessions }
  })
}

/** Whoever supervises this pod supervises the member: it has told of it. */
function restart({ restart }: FleetAdmin, member: FleetMember): { name: string } {
  const { id, name, pid, state } = member
  if (restart && name !== undefined && pid !== null && !['restarting', 'stopping', 'ended'].includes(state)) {
    restart(name)
    return { name }
  }
  const why = name === undefined || !restart ? 'it was not started by the supervisor of this pod' : `it is ${state}`
  const message = `${id} cannot be started again from here: ${why}`
  throw new ParleyError('MEMBER_UNKNOWN', { field: 'id', value: id, message })
}

async function drainPod(fleet: FleetAdmin, { id }: FleetMember, withinMs: number | undefined): Promise<void> {
  const pods = podsOf(fleet)
  ordered(await (withinMs === undefined ? pods.undrain(id) : pods.drain(id, withinMs)))
}

function podsOf({ pods }: FleetAdmin): PodOrders {
  if (pods) return pods
  throw new ParleyError('MEMBER_UNKNOWN', { message: 'this pod is in no fleet' })
}

function ordered(answer: Result<void, DirectoryRefusal>): void {
  if (answer.ok) return
  const { code, message } = answer.error
  if (code === 'MEMBER_UNKNOWN') throw new ParleyError('MEMBER_UNKNOWN', { message })
  // Nobody but the directory tells a pod what the fleet wants of it.
  throw new ParleyError('DIRECTORY_AWAY', { message: `the order was not given: ${message}`, retryAfterMs: 1_000 })
}

function found(report: FleetReport, id: string): FleetMember {
  const member = findMember(report, id)
  if (!member.ok) throw member.error
  return member.value
}

function notThere({ id, state }: FleetMember): ParleyError {
  const message = `worker ${id} is ${state}: this pod has no link to it, and it takes no streams`
  return new ParleyError('MEMBER_UNKNOWN', { field: 'id', value: id, message })
}

function noPod({ id }: FleetMember): ParleyError {
  const message = `${id} is a worker; what is rated are pods. A worker's slots are speech.slotsPerWorker`
  return new ParleyError('INVALID_FIELD', { field: 'id', value: id, message })
}

function drainMs(text: string | undefined): number {
  return text === undefined ? DEFAULT_DRAIN_MS : whole('withinMs', text, 0, MAX_DRAIN_MS, 'milliseconds')
}

function ratedSeats(text: string | undefined): number {
  return whole('sessions', text ?? '', 1, MAX_SEATS, 'sessions')
}

function whole(field: string, text: string, least: number, most: number, unit: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  const shown = text.slice(0, 40)
  const message = `${field} is ${shown || 'missing'}; it must be a whole number of ${unit} from ${least} to ${most}`
  throw new ParleyError('INVALID_FIELD', { field, value: shown, message })
}
