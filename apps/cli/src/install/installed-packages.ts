// Says which package set is complete in node_modules, by comparing npm's record of what it installed with package-lock.json.
// Run by the launcher before anything else is known to be there: imports nothing outside Node.
import { readFileSync } from 'node:fs'
import path from 'node:path'

export interface LockEntry {
  readonly version?: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly optional?: boolean
  readonly link?: boolean
  readonly os?: string | readonly string[]
  readonly cpu?: string | readonly string[]
  readonly libc?: string | readonly string[]
}
export type LockPackages = Readonly<Record<string, LockEntry>>

export interface Platform {
  readonly os: string
  readonly cpu: string
  readonly libc: string
}

const admits = (allowed: string | readonly string[] | undefined, actual: string): boolean =>
  allowed === undefined || [allowed].flat().includes(actual)

/** Optional packages count only when they name this very platform: the others are for somebody else's machine. */
function isNeeded(entry: LockEntry, platform: Platform): boolean {
  if (entry.optional !== true) return true
  if (entry.os === undefined || entry.cpu === undefined) return false
  return admits(entry.os, platform.os) && admits(entry.cpu, platform.cpu) && admits(entry.libc, platform.libc)
}

/** `full`, `runtime` or `none`: the largest set of `locked` of which every package is installed in its version. */
export function installedSet(locked: LockPackages, installed: LockPackages, platform: Platform): string {
  let set = 'full'
  for (const [where, entry] of Object.entries(locked)) {
    if (!where.includes('node_modules/') || entry.link === true || !isNeeded(entry, platform)) continue
    if (installed[where]?.version === entry.version) continue
    if (entry.dev !== true && entry.devOptional !== true) return 'none'
    set = 'runtime'
  }
  return set
}

const packagesOf = (file: string): LockPackages =>
  (JSON.parse(readFileSync(file, 'utf8')) as { packages: LockPackages }).packages

function main(root: string): void {
  const platform = { os: process.platform, cpu: process.arch, libc: 'glibc' }
  const locked = packagesOf(path.join(root, 'package-lock.json'))
  const installed = packagesOf(path.join(root, 'node_modules/.package-lock.json'))
  process.stdout.write(`${installedSet(locked, installed, platform)}\n`)
}

if (import.meta.main) main(process.argv[2] as string)
