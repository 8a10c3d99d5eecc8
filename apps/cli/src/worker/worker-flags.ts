// Which configuration keys the options of `parley worker` set. Pure.
import type { FlagValue } from '@parley/config'
import { WORKER_ROLES } from '@parley/protocol'
import { type ConfigOptions, configFlags } from '../config-options.ts'
import { CliError, EXIT } from '../exit-codes.ts'

export interface WorkerFlags extends ConfigOptions {
  readonly roles?: string
  readonly slots?: string
  readonly host?: string
  readonly port?: string
  readonly endpoints?: string
  readonly connections?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly insecure?: boolean
  readonly id?: string
  readonly share?: string
  readonly json: boolean
}

const NO_SLOTS = -1

export function workerFlags(flags: WorkerFlags): FlagValue[] {
  const named: [flag: string, key: string, value: string | undefined][] = [
    ['--roles', 'worker.roles', flags.roles],
    ['--host', 'worker.host', flags.host],
    ['--port', 'worker.port', flags.port],
    ['--endpoints', 'worker.endpoints', flags.endpoints],
    ['--connections', 'worker.connections', flags.connections],
    ['--tls-cert', 'worker.tlsCertFile', flags.tlsCert],
    ['--tls-key', 'worker.tlsKeyFile', flags.tlsKey],
    ['--insecure', 'worker.insecure', flags.insecure ? 'true' : undefined],
  ]
  const set = named.flatMap(([flag, key, value]) => (value === undefined ? [] : [{ flag, key, value }]))
  return [...configFlags(flags), ...set, ...slotFlags(flags.slots)]
}

/** `recognise=4,synthesise=8`; `auto` is found out at start, 0 is none. */
function slotFlags(text: string | undefined): FlagValue[] {
  if (text === undefined) return []
  return text.split(',').map((part) => {
    const [role = '', count = ''] = part.split('=').map((word) => word.trim())
    const isRole = (WORKER_ROLES as readonly string[]).includes(role)
    if (!isRole || !/^(\d+|auto)$/.test(count)) {
      const roles = WORKER_ROLES.map((each) => `${each}=NUMBER`).join(',')
      throw new CliError(
        `--slots ${text}: "${part}" is not a role and its slots; write ${roles} (auto = found out)`,
        EXIT.usage,
      )
    }
    const value = count === 'auto' ? '0' : Number(count) === 0 ? String(NO_SLOTS) : count
    return { flag: '--slots', key: `worker.${role}Slots`, value }
  })
}

const ID_SHAPE = /^[\w-]{3,64}$/

/** The id of --id; undefined = a new one. */
export function workerId(text: string | undefined): string | undefined {
  if (text === undefined || ID_SHAPE.test(text)) return text
  throw new CliError(`--id ${text}: an id is 3 to 64 letters, digits, _ and -`, EXIT.usage)
}

/** The part of the machine of --share, (0..1]; undefined: shared with the workers there are. */
export function machineShare(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const share = Number(text)
  if (share > 0 && share <= 1) return share
  throw new CliError(
    `--share ${text}: it must be a part of the machine, more than 0 and at most 1, such as 0.5`,
    EXIT.usage,
  )
}
