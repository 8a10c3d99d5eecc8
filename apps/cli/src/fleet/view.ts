// The fleet as a table. Pure.
import { type Style, table } from '../output/index.ts'
import type { FleetDirectoryState, FleetMember, FleetReport } from './fleet-shape.ts'

const HEADINGS = ['member', 'name', 'pid', 'state', 'holds', 'slots', 'said', 'address'] as const
const CALM_STATES: readonly string[] = ['serving', 'ready']
const STALE_MS = 3_000

/** Columns that are there when somebody has something to say in them. */
const MORE: readonly (readonly [heading: string, words: (member: FleetMember) => string | undefined])[] = [
  ['headroom %', ({ headroom }) => headroomWords(headroom)],
  ['roles', ({ roles }) => roles?.join(', ')],
  ['version', ({ version }) => version],
]

export function fleetLines({ members, directory, records }: FleetReport, style: Style): string[] {
  const more = MORE.filter(([, words]) => members.some((member) => words(member) !== undefined))
  const rows = members.map((member) => [
    member.id,
    member.name ?? '-',
    member.pid === null ? '-' : String(member.pid),
    stateWords(member, style),
    holdsWords(member),
    slotsWords(member),
    ageWords(member, style),
    member.url ?? '-',
    ...more.map(([, words]) => words(member) ?? '-'),
  ])
  const lines = table([
    [...HEADINGS, ...more.map(([heading]) => heading)].map((heading) => style.dim(heading)),
    ...rows,
  ])
  const problems = members.flatMap(({ id, problem }) => (problem === undefined ? [] : [`${id}: ${problem}`]))
  if (directory) problems.push(...directoryWords(directory))
  if (records) problems.push(`records: ${records.problem}`)
  return problems.length === 0 ? lines : [...lines, '', ...problems.map((problem) => style.yellow(problem))]
}

function directoryWords({ directory, state, problem, warnings }: FleetDirectoryState): string[] {
  if (directory === 'memory') return []
  const isWell = state === 'member'
  const why = problem === undefined ? '' : ` (${problem})`
  const away = `directory in Redis: ${state}${why}; sessions go on, this pod admits within its own rating, and of other pods nothing is known`
  return [...(isWell ? [] : [away]), ...warnings.map((warning) => `directory in Redis: ${warning}`)]
}

function headroomWords(headroom: FleetMember['headroom']): string | undefined {
  if (headroom === undefined) return undefined
  const parts = Object.entries(headroom).map(([name, ratio]) => `${name} ${Math.round(ratio * 100)}`)
  return parts.length === 0 ? undefined : parts.join(' ')
}

function stateWords({ state, standing, drainLeftMs }: FleetMember, style: Style): string {
  const left = drainLeftMs === undefined || drainLeftMs === 0 ? '' : `, ${Math.ceil(drainLeftMs / 1000)} s left`
  const painted = CALM_STATES.includes(state) ? style.green(state) : style.yellow(`${state}${left}`)
  if (standing === 'out') return `${painted}, ${style.red('not trusted')}`
  return standing === 'trial' ? `${painted}, ${style.yellow('on trial')}` : painted
}

/** Who has said nothing of itself has no address here either, and what it holds is not known. */
const holdsWords = ({ kind, sessions, url }: FleetMember): string =>
  url === null ? '-' : `${sessions} ${kind === 'pod' ? 'session' : 'stream'}${sessions === 1 ? '' : 's'}`

function slotsWords({ slots }: FleetMember): string {
  const parts = Object.entries(slots).map(([role, { used, total, reserved }]) =>
    reserved ? `${role} ${used}/${total} (${reserved} reserved)` : `${role} ${used}/${total}`,
  )
  return parts.length === 0 ? '-' : parts.join(', ')
}

function ageWords({ kind, ageMs, url }: FleetMember, style: Style): string {
  if (ageMs === undefined) return kind === 'pod' && url !== null ? 'now' : '-'
  const words = `${(ageMs / 1000).toFixed(1)} s ago`
  return ageMs > STALE_MS ? style.yellow(words) : words
}
