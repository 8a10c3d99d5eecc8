// Looks at the machine. Each probe answers with a value or with "unknown"; none changes anything or throws.
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readdir, readFile, statfs } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { ResolvedConfig } from '@parley/config'
import { findPostgres } from '@parley/store/postgres-server'
import { ROOT } from '../context.ts'
import { CliError } from '../exit-codes.ts'
import { installedSet, type LockPackages } from '../install/installed-packages.ts'
import { listRuns } from '../platform/run-file.ts'
import { checkPort } from '../up/port-check.ts'
import type { Facts, PackageFact } from './facts.ts'

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')

/** The lines of scripts/packages.sh, which is also what the launcher installs from. */
export function parsePackageList(text: string): Omit<PackageFact, 'isInstalled'>[] {
  return [...text.matchAll(/^\s*(runtime|pods|test)\|([^|\s]+)\|(.+)$/gm)].map(([, set, name, why]) => ({
    set: set as PackageFact['set'],
    name: name as string,
    why: why as string,
  }))
}

function run(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 5_000 }, (error, stdout) => {
      // dpkg-query ends with 1 when one of the packages is unknown, and still lists the others.
      resolve((error as NodeJS.ErrnoException | null)?.code === 'ENOENT' ? undefined : stdout)
    })
  })
}

async function packages(): Promise<PackageFact[]> {
  const listed = parsePackageList(await textOf(path.join(ROOT, 'scripts/packages.sh')))
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholders are dpkg-query's
  const format = '${Package} ${db:Status-Abbrev}\n'
  const answer = await run('dpkg-query', ['-W', '-f', format, ...listed.map((entry) => entry.name)])
  if (answer === undefined) return listed.map((entry) => ({ ...entry, isInstalled: undefined }))
  const installed = new Set([...answer.matchAll(/^(\S+) .i/gm)].map((match) => match[1]))
  return listed.map((entry) => ({ ...entry, isInstalled: installed.has(entry.name) }))
}

/** Folders where the dynamic linker looks on Debian, with the multi-arch one of this machine. */
function libraryFolders(): string[] {
  const triplet = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as string]
  const multi = triplet === undefined ? [] : [`/usr/lib/${triplet}`, `/lib/${triplet}`]
  return [...multi, '/usr/lib', '/usr/local/lib', '/usr/lib64']
}

async function hasLibrary(soname: string): Promise<boolean> {
  const found = await Promise.all(libraryFolders().map((folder) => exists(path.join(folder, soname))))
  return found.includes(true)
}

async function libraries(): Promise<Facts['libraries']> {
  const [sphinx, base, lc3, model] = await Promise.all([
    hasLibrary('libpocketsphinx.so.3'),
    hasLibrary('libsphinxbase.so.3'),
    hasLibrary('liblc3.so.0'),
    exists('/usr/share/pocketsphinx/model/en-us/en-us.lm.bin'),
  ])
  return { pocketsphinx: sphinx && base, model, lc3 }
}

async function findProgram(names: readonly string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = (env.PATH ?? '/usr/bin').split(':')
  for (const file of names.flatMap((name) => folders.map((folder) => path.join(folder, name)))) {
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return file
  }
  return undefined
}

/** Where workers look for the programs of engines, whatever the user's own PATH is. */
const ENGINE_PATH = '/usr/local/bin:/usr/bin:/bin'

const APERTIUM_MODES = '/usr/share/apertium/modes'

/** Names of the mode files of Apertium; none where its programs are not there. */
async function translationModes(): Promise<string[]> {
  if ((await findProgram(['lt-proc'], { PATH: ENGINE_PATH })) === undefined) return []
  const names = await readdir(APERTIUM_MODES).catch(() => [])
  return names.flatMap((name) => /^([a-z]{2,3}-[a-z]{2,3})\.mode$/.exec(name)?.[1] ?? []).sort()
}

const count = (text: string | undefined): number =>
  text === undefined || text === 'unlimited' || text === 'max' ? Number.POSITIVE_INFINITY : Number(text)

/** From the text of /proc/self/limits. */
export function parseOpenFiles(limits: string): Facts['openFiles'] {
  const match = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits)
  return match ? { soft: count(match[1]), hard: count(match[2]) } : undefined
}

/** Cores that `cpu.max` of a cgroup grants. */
export function parseCpuMax(text: string): number {
  const [quota, period] = text.trim().split(/\s+/)
  return quota === undefined || quota === '' || quota === 'max'
    ? Number.POSITIVE_INFINITY
    : Number(quota) / Number(period)
}

/** The limits of this process's cgroup (version 2) and of every one above it: the tightest holds. */
async function cgroup(): Promise<Facts['cgroup']> {
  const own = /^0::(.*)$/m.exec(await textOf('/proc/self/cgroup'))?.[1] ?? '/'
  let [cores, memoryBytes] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let folder = own; ; folder = path.dirname(folder)) {
    const where = path.join('/sys/fs/cgroup', folder)
    cores = Math.min(cores, parseCpuMax(await textOf(path.join(where, 'cpu.max'))))
    const memory = (await textOf(path.join(where, 'memory.max'))).trim()
    if (memory !== '') memoryBytes = Math.min(memoryBytes, count(memory))
    if (folder === '/' || folder === '.') return { cores, memoryBytes }
  }
}

async function portFact(config: ResolvedConfig): Promise<{ problem: string | undefined; isOurs: boolean }> {
  const { host, port } = config.server
  try {
    await checkPort(host, port)
    return { problem: undefined, isOurs: false }
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const runs = await listRuns(config.data.dir)
    const isOurs = runs.some((run) => Number(URL.parse(run.url)?.port) === port)
    return { problem: error.message.split(';')[0], isOurs }
  }
}

/** The nearest folder that exists, from `folder` upwards. */
async function existing(folder: string): Promise<string> {
  return (await exists(folder)) || path.dirname(folder) === folder ? folder : existing(path.dirname(folder))
}

async function dataDirProblem(dataDir: string): Promise<string | undefined> {
  const folder = await existing(dataDir)
  try {
    await readdir(folder)
    await access(folder, constants.W_OK)
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTDIR') return `${folder} is a file`
    return code === 'EACCES' || code === 'EROFS' ? 'this user may not write there' : String(code)
  }
}

async function freeDisk(dataDir: string): Promise<number | undefined> {
  const stats = await statfs(await existing(dataDir)).catch(() => undefined)
  return stats && stats.bavail * stats.bsize
}

async function npmSet(): Promise<string> {
  const read = async (file: string) =>
    (JSON.parse(await readFile(path.join(ROOT, file), 'utf8')) as { packages: LockPackages }).packages
  try {
    const platform = { os: process.platform, cpu: process.arch, libc: 'glibc' }
    return installedSet(await read('package-lock.json'), await read('node_modules/.package-lock.json'), platform)
  } catch {
    return 'none'
  }
}

async function pinnedNode(): Promise<{ version: string | undefined; runsIt: boolean }> {
  const name = `node-linux-${process.arch}`
  const manifest = await textOf(path.join(ROOT, 'node_modules', name, 'package.json'))
  const version = manifest === '' ? undefined : (JSON.parse(manifest) as { version: string }).version
  return { version, runsIt: process.execPath === path.join(ROOT, 'node_modules', name, 'bin/node') }
}

/** Everything the doctor wants to know about this machine. */
export async function probe(config: ResolvedConfig, env: NodeJS.ProcessEnv): Promise<Facts> {
  const [pinned, port, receiveBuffer] = await Promise.all([
    pinnedNode(),
    portFact(config),
    textOf('/proc/sys/net/core/rmem_max'),
  ])
  return {
    isRoot: process.getuid?.() === 0,
    nodeVersion: process.versions.node,
    pinnedVersion: pinned.version,
    runsPinned: pinned.runsIt,
    npmSet: await npmSet(),
    packages: await packages(),
    libraries: await libraries(),
    espeak: await findProgram(['espeak-ng'], { PATH: ENGINE_PATH }),
    redis: await findProgram(['redis-server'], env),
    postgres: await findPostgres(),
    translationModes: await translationModes(),
    chromium: await findProgram(['chromium', 'chromium-browser', 'google-chrome'], env),
    host: config.server.host,
    port: config.server.port,
    portProblem: port.problem,
    portIsOurs: port.isOurs,
    openFiles: parseOpenFiles(await textOf('/proc/self/limits')),
    cgroup: await cgroup(),
    machine: { cores: os.cpus().length, memoryBytes: os.totalmem() },
    receiveBufferMaxBytes: receiveBuffer === '' ? undefined : Number(receiveBuffer),
    dataDir: config.data.dir,
    dataDirProblem: await dataDirProblem(config.data.dir),
    freeDiskBytes: await freeDisk(config.data.dir),
    isPageBuilt: await exists(path.join(ROOT, 'apps/dashboard/dist/index.html')),
  }
}
