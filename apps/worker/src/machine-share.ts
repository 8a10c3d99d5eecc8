// Which part of the machine is this worker's: what its supervisor told it, or less when there are other workers beside it. Workers are known
// by their process titles, which anybody may read; where they cannot be read (no /proc) nobody is seen.
import { readdir, readFile } from 'node:fs/promises'
import type { WorkerRole } from '@parley/protocol'

const TITLE = 'parley-worker'

/** Title of a worker's process, as `ps` shows it: short, because the system keeps no more than the command line had. */
export const workerTitle = (roles: readonly WorkerRole[]): string => `${TITLE} ${roles.map(letterOf).join(' ')}`

const letterOf = (role: WorkerRole): string => role.charAt(0)

/** Workers with `role` on this machine (in this container), this one among them once it has its title; at least 1. */
export async function countWorkers(role: WorkerRole, root = '/proc'): Promise<number> {
  const entries = await readdir(root).catch(() => [])
  const titles = await Promise.all(
    entries
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFile(`${root}/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  return Math.max(1, titles.filter((title) => isWorker(title, role)).length)
}

/** `told` is the supervisor's word, (0..1]; several workers started by hand share evenly. */
export const shareOf = (told: number, workers: number): number => Math.min(told, 1 / workers)

function isWorker(title: string, role: WorkerRole): boolean {
  const [name, ...roles] = title.replaceAll('\0', ' ').trim().split(' ')
  return name === TITLE && roles.includes(letterOf(role))
}
