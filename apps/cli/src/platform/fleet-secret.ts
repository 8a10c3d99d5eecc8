// The secret that pods and speech workers of one fleet share: from the environment, or kept in the data directory, made at the first start.
// Never on a command line, where every user of the machine could read it.
import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { CliError, EXIT } from '../exit-codes.ts'

export const FLEET_SECRET_ENV = 'PARLEY_FLEET_SECRET'
const FILE = 'fleetSecret'
const MIN_CHARS = 32

export interface FleetSecret {
  readonly secret: string
  /** Where it came from, for a person. */
  readonly from: string
}

/**
 * Throws a CliError when the one that is there is too short, or the file can be neither read nor made: the data directory must exist. Two
 * starts at once agree on one.
 */
export async function fleetSecretOf(env: NodeJS.ProcessEnv, dataDir: string): Promise<FleetSecret> {
  const given = env[FLEET_SECRET_ENV] ?? ''
  if (given !== '') return checked(given, FLEET_SECRET_ENV)
  const file = path.join(dataDir, FILE)
  try {
    const kept = await readFile(file, 'utf8').catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      await createOnce(file, `${randomBytes(32).toString('base64url')}\n`)
      return readFile(file, 'utf8')
    })
    return checked(kept.trim(), file)
  } catch (error) {
    if (error instanceof CliError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const isForbidden = code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
    const reason = isForbidden ? 'this user may not use it' : message
    const fix = `name another data directory with --data-dir, or set ${FLEET_SECRET_ENV}`
    throw new CliError(`the fleet secret ${file}: ${reason}; ${fix}`, isForbidden ? EXIT.permission : EXIT.usage)
  }
}

function checked(secret: string, from: string): FleetSecret {
  if (secret.length >= MIN_CHARS) return { secret, from }
  throw new CliError(
    `the fleet secret of ${from} has ${secret.length} characters; it must have ${MIN_CHARS} or more, such as those of: openssl rand -base64 32`,
    EXIT.usage,
  )
}

/** The file appears complete or not at all, and never replaces one that somebody else made first. */
async function createOnce(file: string, content: string): Promise<void> {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(temporary, content, { mode: 0o600, flag: 'wx' })
    await link(temporary, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(temporary, { force: true })
  }
}
