// Reads what a pod uses, each time it reports: the machine's cores and memory from the system, the rest from the pod itself.
import { cpus } from 'node:os'
import process from 'node:process'
import { type HeadroomRatios, headroomOf, type LoadReading } from './headroom.ts'

/** What the pod knows of itself. */
export type PodLoad = Omit<LoadReading, 'machineIdleMs' | 'machineTotalMs' | 'rssBytes' | 'availableBytes'>

/** Returns what reads the headroom since it was last asked. */
export function startLoadMeter(pod: () => PodLoad): () => HeadroomRatios {
  const read = (): LoadReading => ({
    ...machineTimes(),
    rssBytes: process.memoryUsage.rss(),
    availableBytes: process.availableMemory(),
    ...pod(),
  })
  let before = read()
  return () => {
    const now = read()
    const headroom = headroomOf(before, now)
    before = now
    return headroom
  }
}

function machineTimes(): Pick<LoadReading, 'machineIdleMs' | 'machineTotalMs'> {
  const cores = cpus()
  if (cores.length === 0) return { machineIdleMs: undefined, machineTotalMs: undefined }
  let idleMs = 0
  let totalMs = 0
  for (const { times } of cores) {
    idleMs += times.idle
    totalMs += times.user + times.nice + times.sys + times.idle + times.irq
  }
  return { machineIdleMs: idleMs, machineTotalMs: totalMs }
}
