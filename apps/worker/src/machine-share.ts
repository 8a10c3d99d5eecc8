// Which part of the machine is this worker's: what it was told, otherwise an even share with the workers beside it. Workers are known by
// their process titles, which anybody may read; where they cannot be read (no /proc) nobody is seen.
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

/** Part of the machine that is this worker's in `role`, (0..1]; `told` stands as it is. */
export async function shareOf(role: WorkerRole, told: number | undefined, root?: string): Promise<number> {
  return told ?? 1 / (await countWorkers(role, root))
}

function isWorker(title: string, role: WorkerRole): boolean {
  const [name, ...roles] = title.replaceAll('\0', ' ').trim().split(' ')
  return name === TITLE && roles.includes(letterOf(role))
}
