// Finds and reads the configuration file, then resolves. The only part of this package that touches the disk.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { err, type Result } from '@parley/kernel'
import type { ConfigMistake, OriginKind } from './mistakes.ts'
import { type ConfigInputs, defaultDataDir, type Resolution, resolveConfig } from './resolve.ts'
import type { Environment, FlagValue } from './sources.ts'

export interface LoadOptions {
  readonly env: Environment
  readonly cwd: string
  readonly homeDir: string
  /** `--config FILE`; must exist when given. */
  readonly configFile?: string
  readonly flags?: readonly FlagValue[]
}

export const CONFIG_FILE_NAME = 'parley.yaml'

interface Candidate {
  readonly file: string
  /** Who named the file; a file nobody named may be missing. */
  readonly named?: { readonly kind: OriginKind; readonly where: string }
}

function candidates(options: LoadOptions): Candidate[] {
  if (options.configFile !== undefined) {
    return [{ file: path.resolve(options.cwd, options.configFile), named: { kind: 'flag', where: '--config' } }]
  }
  const fromEnv = options.env.PARLEY_CONFIG
  if (fromEnv !== undefined && fromEnv !== '') {
    return [{ file: path.resolve(options.cwd, fromEnv), named: { kind: 'environment', where: 'PARLEY_CONFIG' } }]
  }
  const flag = options.flags?.findLast((given) => given.key === 'data.dir')?.value
  const dataDir = flag || options.env.PARLEY_DATA_DIR || defaultDataDir(options.env, options.homeDir)
  return [
    { file: path.join(options.cwd, CONFIG_FILE_NAME) },
    { file: path.join(path.resolve(options.cwd, dataDir), CONFIG_FILE_NAME) },
  ]
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read by this user',
  EISDIR: 'it is a folder',
}

async function readFirst(options: LoadOptions): Promise<Result<ConfigInputs['file'], ConfigMistake>> {
  for (const { file, named } of candidates(options)) {
    try {
      const text = await readFile(file, 'utf8')
      const relative = path.relative(options.cwd, file)
      return { ok: true, value: { name: relative.startsWith('..') ? file : relative, path: file, text } }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? ''
      if (!named && (code === 'ENOENT' || code === 'ENOTDIR')) continue
      const origin = named ?? { kind: 'file', where: file }
      const why = WHY[code] ?? String(error)
      return err({ origin, key: '', value: file, message: `${file} cannot be read: ${why}` })
    }
  }
  return { ok: true, value: undefined }
}

export interface Loaded extends Resolution {
  /** The file that was read; undefined when there was none. */
  readonly file: string | undefined
}

/**
 * The resolved configuration of this process. The file is the first of --config, $PARLEY_CONFIG, ./parley.yaml and
 * parley.yaml in the data directory.
 */
export async function loadConfig(options: LoadOptions): Promise<Result<Loaded, readonly ConfigMistake[]>> {
  const file = await readFirst(options)
  if (!file.ok) return err([file.error])
  const inputs = { env: options.env, flags: options.flags ?? [], cwd: options.cwd, homeDir: options.homeDir }
  const resolution = resolveConfig(file.value ? { ...inputs, file: file.value } : inputs)
  return resolution.ok ? { ok: true, value: { ...resolution.value, file: file.value?.path } } : resolution
}
