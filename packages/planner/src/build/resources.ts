// What a machine can run out of, and what each is counted in.
import type { PlanFile } from '../plan-file.ts'
import { type Dim, nounKey } from '../units/dimension.ts'
import { parseUnit, type UnitContext } from '../units/unit.ts'

export interface Resource {
  readonly dim: Dim
  readonly example: string
}

const count = (noun: string): Resource => ({ dim: { [nounKey(noun)]: 1 }, example: `100 ${noun}s` })
const countRate = (noun: string): Resource => ({ dim: { [nounKey(noun)]: 1, time: -1 }, example: `12 ${noun}s/min` })
const data = (example: string): Resource => ({ dim: { data: 1 }, example })
const BITRATE: Resource = { dim: { data: 1, time: -1 }, example: '100 kbps' }
const CORE: Resource = { dim: { core: 1 }, example: '2.5% cpu' }

export const RESOURCES: Readonly<Record<string, Resource>> = {
  cpu: CORE,
  loop: CORE,
  memory: data('50 MB'),
  network: BITRATE,
  networkUp: BITRATE,
  networkDown: BITRATE,
  packets: countRate('packet'),
  sockets: count('socket'),
  connections: count('connection'),
  descriptors: count('descriptor'),
  requests: countRate('request'),
  tokens: countRate('token'),
  gpu: { dim: { gpu: 1 }, example: '25% gpu' },
  vram: data('2 GB'),
  storage: data('10 GB'),
}

/** The known resources and those that a plan adds; `<provider>-requests` and `-tokens` are known by their ends. */
export function resourcesOf(file: PlanFile, context: UnitContext): Map<string, Resource> {
  const resources = new Map(Object.entries(RESOURCES))
  for (const [name, text] of Object.entries(file.resources ?? {})) {
    const unit = parseUnit(text, context)
    if (unit.ok) resources.set(name, { dim: unit.value.dim, example: `10 ${text}` })
  }
  for (const workload of Object.values(file.workloads ?? {})) {
    for (const { provider } of Object.values(workload.calls ?? {})) {
      if (provider === undefined) continue
      resources.set(`${provider}-requests`, countRate('request'))
      resources.set(`${provider}-tokens`, countRate('token'))
    }
  }
  return resources
}
