// The fleet as a table. Pure.
import { type Style, table } from '../output/index.ts'
import type { FleetMember, FleetReport } from './fleet-shape.ts'

const HEADINGS = ['member', 'name', 'pid', 'state', 'holds', 'slots', 'said', 'address'] as const
const CALM_STATES: readonly string[] = ['serving', 'ready']
const STALE_MS = 3_000

export function fleetLines({ members }: FleetReport, style: Style): string[] {
  const rows = members.map((member) => [
    member.id,
    member.name ?? '-',
    member.pid === null ? '-' : String(member.pid),
    stateWords(member, style),
    holdsWords(member),
    slotsWords(member),
    ageWords(member, style),
    member.url ?? '-',
  ])
  const lines = table([HEADINGS.map((heading) => style.dim(heading)), ...rows])
  const problems = members.flatMap(({ id, problem }) => (problem === undefined ? [] : [`${id}: ${problem}`]))
  return problems.length === 0 ? lines : [...lines, '', ...problems.map((problem) => style.yellow(problem))]
}

function stateWords({ state, standing }: FleetMember, style: Style): string {
  const painted = CALM_STATES.includes(state) ? style.green(state) : style.yellow(state)
  if (standing === 'out') return `${painted}, ${style.red('not trusted')}`
  return standing === 'trial' ? `${painted}, ${style.yellow('on trial')}` : painted
}

const holdsWords = ({ kind, sessions }: FleetMember): string =>
  `${sessions} ${kind === 'pod' ? 'session' : 'stream'}${sessions === 1 ? '' : 's'}`

function slotsWords({ slots }: FleetMember): string {
  const parts = Object.entries(slots).map(([role, { used, total }]) => `${role} ${used}/${total}`)
  return parts.length === 0 ? '-' : parts.join(', ')
}

function ageWords({ kind, ageMs }: FleetMember, style: Style): string {
  if (kind === 'pod') return 'now'
  if (ageMs === undefined) return '-'
  const words = `${(ageMs / 1000).toFixed(1)} s ago`
  return ageMs > STALE_MS ? style.yellow(words) : words
}
