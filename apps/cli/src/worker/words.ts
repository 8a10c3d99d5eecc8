// What `parley worker` says. Pure: words from values.
import type { MemberToSupervisor, RoleSlots } from '@parley/fleet'
import type { Style } from '../output/style.ts'

export type WorkerReady = Extract<MemberToSupervisor, { type: 'ready'; member: 'worker' }>

export interface ReadyWords {
  readonly ready: WorkerReady
  readonly pid: number
  readonly secretFrom: string
  readonly logFile: string
}

const slotsWord = ({ slots }: RoleSlots): string => (slots === 1 ? '1 slot' : `${slots} slots`)

/** `recognise    4 slots (as worker.recogniseSlots says)` */
export function roleLine(role: string, found: RoleSlots, { yellow }: Style): string {
  const problem = found.problem === undefined ? '' : yellow(`; ${found.problem}`)
  return `  ${role.padEnd(11)} ${slotsWord(found)} (${found.how})${problem}`
}

export function readyLines({ ready, secretFrom, logFile }: ReadyWords, style: Style): string[] {
  const roles = Object.entries(ready.roles ?? {})
  const health = ready.url.replace(/^ws/, 'http')
  return [
    `${style.bold(`Speech worker ${ready.workerId} is ready.`)} ${style.dim('Ctrl-C ends it.')}`,
    `  address     ${style.cyan(ready.url)}   health ${health}/health`,
    ...(roles.length === 0 ? [style.yellow('  it has no slots of any role: every stream is refused')] : []),
    ...roles.map(([role, found]) => roleLine(role, found, style)),
    `  secret      ${secretFrom}`,
    `  log         ${logFile}`,
    style.dim(`  pods of other machines: --set speech.workerUrls=${ready.url}`),
  ]
}

export function readyJson({ ready, pid, logFile }: ReadyWords): object {
  const { workerId, url, engines, roles } = ready
  return { ready: true, workerId, url, pid, roles: roles ?? {}, engines, logFile }
}
