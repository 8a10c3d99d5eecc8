// Makes ready what the members of a platform need before they are forked: folders, certificate, log, and the configuration
// they are given. Everything that can be wrong here is one clear line.
import { constants } from 'node:fs'
import { access, chmod, mkdir, rename, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Loaded, ResolvedConfig } from '@parley/config'
import { CliError, EXIT } from '../exit-codes.ts'
import { listRuns, runDirOf, sweepRuns } from '../platform/run-file.ts'
import { certificateNames, type KeptCertificate, keepCertificate } from './certificate.ts'
import { socketOf } from './pod-plan.ts'

/** A log larger than this is set aside (as .1) when a platform starts. */
const LOG_KEPT_BYTES = 16 << 20
/** sun_path of a unix socket, its final zero not counted. */
const MAX_SOCKET_PATH_BYTES = 107

export interface Prepared {
  /** What the members get: the resolved configuration with files and sockets named. */
  readonly config: ResolvedConfig
  readonly certificate: KeptCertificate | undefined
  readonly logFile: string
  /** Path of the admin socket when it is this platform's alone, so that one left by a killed pod may be removed. */
  readonly ownSocket: string | undefined
  /** Another platform runs on the same data directory. */
  readonly isBeside: boolean
}

const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? ''

/** mkdir -p, one level at a time: Node's own `recursive` never returns where the system answers ENOENT (/proc). */
async function makeParents(folder: string): Promise<void> {
  const exists = await access(folder).then(
    () => true,
    () => false,
  )
  if (exists) return
  if (path.dirname(folder) !== folder) await makeParents(path.dirname(folder))
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (code(error) !== 'EEXIST') throw error
  })
}

/** Makes `folder` with its parents, for this user alone; a CliError says what forbids it. */
export async function makeFolder(folder: string, what: string): Promise<void> {
  try {
    await makeParents(folder)
    if (!(await stat(folder)).isDirectory()) throw new Error('it is a file')
    await access(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    const forbidden = ['EACCES', 'EPERM', 'EROFS'].includes(code(error))
    const reason = forbidden ? 'this user may not write there' : (error as Error).message
    throw new CliError(
      `${what} ${folder} cannot be used: ${reason}; name another with --data-dir, or mend its owner`,
      forbidden ? EXIT.permission : EXIT.usage,
    )
  }
}

/** The admin socket of this platform: admin.sock of the run directory, unless another platform has that one. */
async function adminSocket(config: ResolvedConfig): Promise<string> {
  if (config.admin.socket !== '' || config.admin.port >= 0) return config.admin.socket
  const others = await listRuns(config.data.dir)
  const name = others.length === 0 ? 'admin.sock' : `admin-${process.pid}.sock`
  const socket = path.join(runDirOf(config.data.dir), name)
  const last = socketOf(socket, config.fleet.pods - 1)
  if (Buffer.byteLength(last) <= MAX_SOCKET_PATH_BYTES) return socket
  // The system's bound on socket paths is short; a folder of this user alone stands in for a deep data directory.
  const folder = path.join(os.tmpdir(), `parley-${process.getuid?.() ?? 0}-${process.pid}`)
  await makeFolder(folder, 'the folder of the admin socket')
  await chmod(folder, 0o700)
  return path.join(folder, name)
}

async function rotateLog(file: string): Promise<void> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  )
  if (size > LOG_KEPT_BYTES) await rename(file, `${file}.1`).catch(() => {})
}

/** The file of the log, `name` in the data directory unless configured; its folder is there, and a log that has grown large set aside. */
export async function prepareLog({ log, data }: ResolvedConfig, name: string): Promise<string> {
  const logFile = log.file === '' ? path.join(data.dir, 'log', name) : log.file
  if (logFile.startsWith('/dev/')) return logFile // of the system, such as /dev/stderr: no folder of ours
  await makeFolder(path.dirname(logFile), 'the folder of the log')
  await rotateLog(logFile)
  return logFile
}

async function checkTlsFiles(config: ResolvedConfig): Promise<void> {
  if (config.tls.mode !== 'files') return
  for (const name of ['certFile', 'keyFile'] as const) {
    await access(config.tls[name], constants.R_OK).catch((error: unknown) => {
      const reason = code(error) === 'ENOENT' ? 'there is no such file' : 'this user may not read it'
      const exitCode = code(error) === 'ENOENT' ? EXIT.usage : EXIT.permission
      throw new CliError(`tls.${name} is ${config.tls[name]}: ${reason}`, exitCode)
    })
  }
}

async function selfSigned(config: ResolvedConfig, wallMs: number): Promise<KeptCertificate | undefined> {
  if (config.tls.mode !== 'self-signed') return undefined
  const names = certificateNames(os.hostname(), os.networkInterfaces(), config.server.host)
  return keepCertificate(config.data.dir, names, wallMs)
}

/** Folders made, certificate there, log in place. `wallMs` is the wall clock. */
export async function prepare({ config }: Loaded, wallMs: number): Promise<Prepared> {
  const dataDir = config.data.dir
  await makeFolder(dataDir, 'the data directory')
  await makeFolder(runDirOf(dataDir), 'the run directory')
  await sweepRuns(dataDir)
  const logFile = await prepareLog(config, 'parley.log')
  await checkTlsFiles(config)
  const certificate = await selfSigned(config, wallMs)
  const tls = certificate
    ? ({ mode: 'self-signed', certFile: certificate.certFile, keyFile: certificate.keyFile } as const)
    : config.tls
  const isBeside = (await listRuns(dataDir)).length > 0
  const socket = await adminSocket(config)
  return {
    isBeside,
    config: { ...config, tls, admin: { ...config.admin, socket }, log: { ...config.log, file: logFile } },
    certificate,
    logFile,
    ownSocket: config.admin.socket === '' && config.admin.port < 0 ? socket : undefined,
  }
}

/** How many workers `count` (0 = one per two cores) means on this machine. */
export const workerCountOf = (count: number, cores = os.availableParallelism()): number =>
  count > 0 ? count : Math.max(1, Math.floor(cores / 2))
