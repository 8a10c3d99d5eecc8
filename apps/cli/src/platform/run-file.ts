// How commands find the platforms that run on this machine: one file per platform in the run directory of its data
// directory, and current.json for the latest. A file whose process is gone counts as absent.
import { readFileSync } from 'node:fs'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

export interface RunningPod {
  readonly name: string
  readonly url: string
  readonly adminUrl: string
  readonly pid: number
}

export interface RunRecord {
  /** Public address, without a path. */
  readonly url: string
  /** Process that supervises the platform. */
  readonly pid: number
  readonly adminUrl: string
  readonly podPid: number
  /** Of several pods: each that has been ready, the first included. */
  readonly pods?: readonly RunningPod[]
  /** PostgreSQL of the records that this platform started for itself; nobody else can reach its socket. */
  readonly databaseUrl?: string
  /** Certificate that clients on this machine must trust; only with a self-made one. */
  readonly caFile?: string
  readonly startedAtMs: number
}

export const runDirOf = (dataDir: string): string => path.join(dataDir, 'run')
const CURRENT = 'current.json'

/** Whether a process `pid` exists (a zombie does not count). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return true // no /proc to ask
  }
}

async function writeAtomically(file: string, content: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  await writeFile(temporary, content, { mode: 0o600 })
  await rename(temporary, file)
}

function parseRecord(text: string): RunRecord | undefined {
  try {
    const value = JSON.parse(text) as Partial<RunRecord>
    return typeof value.url === 'string' && Number.isInteger(value.pid) ? (value as RunRecord) : undefined
  } catch {
    return undefined
  }
}

/** Every platform of this data directory that is alive, the latest first. */
export async function listRuns(dataDir: string): Promise<RunRecord[]> {
  const folder = runDirOf(dataDir)
  const names = await readdir(folder).catch(() => [])
  const runs: RunRecord[] = []
  for (const name of names) {
    if (!/^\d+\.json$/.test(name)) continue
    const record = parseRecord(await readFile(path.join(folder, name), 'utf8').catch(() => ''))
    if (record && isAlive(record.pid)) runs.push(record)
  }
  return runs.sort((a, b) => b.startedAtMs - a.startedAtMs)
}

/** The platform a command means: the one at `url` when given, the latest otherwise. */
export async function findRun(dataDir: string, url?: string): Promise<RunRecord | undefined> {
  const runs = await listRuns(dataDir)
  if (url === undefined) return runs[0]
  const isAt = (other: { readonly url: string }) => URL.parse(other.url)?.origin === URL.parse(url)?.origin
  const run = runs.find(isAt)
  if (run) return run
  // One of several pods: the platform, as that pod has it.
  const [found] = runs.flatMap((other) => (other.pods ?? []).filter(isAt).map((pod) => ({ other, pod })))
  return found && { ...found.other, url: found.pod.url, adminUrl: found.pod.adminUrl, podPid: found.pod.pid }
}

/** Announces a platform, or what changed about it. The run directory must exist. */
export async function writeRun(dataDir: string, record: RunRecord): Promise<void> {
  const text = `${JSON.stringify(record)}\n`
  await writeAtomically(path.join(runDirOf(dataDir), `${record.pid}.json`), text)
  await writeAtomically(path.join(runDirOf(dataDir), CURRENT), text)
}

/** Takes back the announcement of `pid`; current.json then names the latest of those that still run, or goes too. */
export async function removeRun(dataDir: string, pid: number): Promise<void> {
  const folder = runDirOf(dataDir)
  await rm(path.join(folder, `${pid}.json`), { force: true })
  const [next] = await listRuns(dataDir)
  if (next) await writeAtomically(path.join(folder, CURRENT), `${JSON.stringify(next)}\n`)
  else await rm(path.join(folder, CURRENT), { force: true })
}

/** Removes the files of platforms that ended without a word (kill -9). */
export async function sweepRuns(dataDir: string): Promise<void> {
  const folder = runDirOf(dataDir)
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = /^(\d+)\.json$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await removeRun(dataDir, Number(pid))
  }
}
