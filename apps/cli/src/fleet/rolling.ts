// Starts every process of a platform again, one after the other: drained, ended, back and serving before the next one's turn. What asks and what tells is
// given, so that the order of things is all there is here.
import { type Clock, sleep } from '@parley/kernel'
import { CliError, EXIT } from '../exit-codes.ts'
import type { FleetMember, FleetReport } from './fleet-shape.ts'

export interface RollingOptions {
  readonly clock: Clock
  /** What the platform says of its members; rejects while nobody answers. */
  readonly ask: () => Promise<FleetReport>
  /** Throws a CliError when the platform refuses. */
  readonly order: (memberId: string, verb: 'drain' | 'undrain' | 'restart', withinMs?: number) => Promise<void>
  readonly say: (line: string) => void
  /** How long a member may take to become empty. */
  readonly withinMs: number
  /** What is still there then is ended. */
  readonly isForced: boolean
  /** Only this one, by its name; every one unless told. */
  readonly only?: string
}

const LOOK_EVERY_MS = 500
/** From the wish to a process that serves: engines are loaded anew. */
const BACK_WITHIN_MS = 120_000
const WELL: readonly string[] = ['serving', 'ready', 'overloaded']

/** The names of what this platform runs, pods first: a worker is best replaced by pods that know how to wait for it. */
function namesOf({ members }: FleetReport): string[] {
  const supervised = members.filter(({ name, pid }) => name !== undefined && pid !== null)
  const of = (wanted: string) => supervised.flatMap(({ kind, name = '' }) => (kind === wanted ? [name] : []))
  return [...of('pod'), ...of('worker')]
}

/** Resolves when every one has been started again. A CliError says which could not be, and how things stand. */
export async function rollingRestart(options: RollingOptions): Promise<void> {
  const { ask, say, only } = options
  const names = namesOf(await ask()).filter((name) => only === undefined || name === only)
  if (names.length === 0) throw new CliError('there is no member that this platform has started', EXIT.failed)
  for (const name of names) await restartOne(options, name)
  say(`all ${names.length} have been started again`)
}

async function restartOne(options: RollingOptions, name: string): Promise<void> {
  const { order, say, withinMs } = options
  const before = await find(options, name)
  const wasDraining = before.state === 'draining'
  if (!wasDraining) await order(before.id, 'drain', withinMs)
  say(`${name}: drains, ${before.sessions} to go elsewhere`)
  if (!(await becomesEmpty(options, name)) && !options.isForced) {
    const left = await find(options, name)
    if (!wasDraining) await order(left.id, 'undrain')
    throw new CliError(
      `${name} still has ${left.sessions} after ${withinMs / 1000} s and serves again; give it longer with --within, or end them with --force`,
      EXIT.failed,
    )
  }
  await order((await find(options, name)).id, 'restart')
  const back = await until(options, BACK_WITHIN_MS, name, (member) => member.pid !== before.pid && isUp(member))
  if (!back) throw new CliError(`${name} is not back after ${BACK_WITHIN_MS / 1000} s; see the log`, EXIT.failed)
  if (!wasDraining && back.state === 'draining') await order(back.id, 'undrain')
  if (!wasDraining && !(await until(options, BACK_WITHIN_MS, name, ({ state }) => WELL.includes(state)))) {
    throw new CliError(`${name} is back and does not serve; see ./parley fleet status and the log`, EXIT.failed)
  }
  say(`${name}: is back (process ${back.pid})`)
}

const isUp = ({ pid, state }: FleetMember): boolean => pid !== null && (WELL.includes(state) || state === 'draining')

async function becomesEmpty(options: RollingOptions, name: string): Promise<boolean> {
  const empty = await until(options, options.withinMs, name, ({ sessions }) => sessions === 0)
  return empty !== undefined
}

async function find({ ask }: RollingOptions, name: string): Promise<FleetMember> {
  const member = (await ask()).members.find((each) => each.name === name)
  if (member) return member
  throw new CliError(`${name} is not there any more; see ./parley fleet status`, EXIT.failed)
}

/** The member as it is when `isSo`; undefined when the time is over. Nobody answering is waited out. */
async function until(
  { clock, ask }: RollingOptions,
  withinMs: number,
  name: string,
  isSo: (member: FleetMember) => boolean,
): Promise<FleetMember | undefined> {
  const endMs = clock.nowMs() + withinMs
  for (;;) {
    const report = await ask().catch(() => undefined)
    const member = report?.members.find((each) => each.name === name)
    if (member && isSo(member)) return member
    if (clock.nowMs() >= endMs) return undefined
    await sleep(clock, LOOK_EVERY_MS)
  }
}
