// The folder where secrets and sockets of this machine's platform live, and the files in it that are made at first start.
import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { randomToken } from '@parley/kernel'
import { StartFailure } from '../exit-codes.ts'

export const API_KEY_FILE = 'apiKey'
export const SIGNING_KEY_FILE = 'signing.key'
export const SIGNING_KEY_BYTES = 32
const API_KEY_SHAPE = /^pk_[0-9a-z]{20,}$/

export interface DataDirectory {
  readonly path: string
  /** Sockets and process ids; mode 700. */
  readonly runPath: string
}

/** Makes the folder (mode 700) and its run folder. Fails with one clear line when it cannot be written. */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const runPath = join(path, 'run')
  try {
    await mkdir(runPath, { recursive: true, mode: 0o700 })
    // mkdir leaves a folder that is there already as it is; keys in it must not be readable by others.
    // That its group may pass through it is for a PostgreSQL in it, which runs as another user.
    const allowed = [
      [path, 0o710],
      [runPath, 0o700],
    ] as const
    for (const [folder, mode] of allowed)
      if (((await stat(folder)).mode & 0o777 & ~mode) !== 0) await chmod(folder, 0o700)
  } catch (error) {
    throw fileFailure(error, path, 'the data directory')
  }
  return { path, runPath }
}

/** The API key of this machine, made when there is none yet. Two starts at once agree on one. */
export async function readOrCreateApiKey(directory: DataDirectory): Promise<string> {
  const path = join(directory.path, API_KEY_FILE)
  const content = await readOrCreate(path, () => Buffer.from(`pk_${randomToken(32)}\n`))
  const apiKey = content.toString('utf8').trim()
  if (!API_KEY_SHAPE.test(apiKey)) throw damaged(path, 'an API key (pk_ and at least 20 letters or digits)')
  return apiKey
}

/** 32 random bytes that sign this platform's tokens. Deleting the file revokes every token there is. */
export async function readOrCreateSigningKey(directory: DataDirectory): Promise<Uint8Array> {
  const path = join(directory.path, SIGNING_KEY_FILE)
  const content = await readOrCreate(path, () => randomBytes(SIGNING_KEY_BYTES))
  if (content.length !== SIGNING_KEY_BYTES) throw damaged(path, `${SIGNING_KEY_BYTES} bytes`)
  return content
}

/** Content of the file, which `make` fills when it is not there yet. Whoever comes first wins; all get the winner's content. */
export async function readOrCreate(path: string, make: () => Buffer): Promise<Buffer> {
  try {
    return await readFile(path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      await createOnce(path, make())
      return readFile(path)
    })
  } catch (error) {
    throw fileFailure(error, path, 'the secret')
  } finally {
    await tighten(path)
  }
}

/** The file appears under its name complete or not at all, and never replaces one that somebody else made first. */
async function createOnce(path: string, content: Buffer): Promise<void> {
  const temporary = `${path}.${randomToken(8)}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
    await link(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await file.close()
    await rm(temporary, { force: true })
  }
}

async function tighten(path: string): Promise<void> {
  const mode = await stat(path).then(
    (found) => found.mode & 0o077,
    () => 0,
  )
  if (mode !== 0) await chmod(path, 0o600).catch(() => {})
}

function damaged(path: string, expected: string): StartFailure {
  const message = `${path} is damaged: it should hold ${expected}. Delete it to have a new one made.`
  return new StartFailure('usage', 'SECRET_DAMAGED', message)
}

function fileFailure(error: unknown, path: string, what: string): StartFailure {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const line = `${what} ${path} cannot be written by this user (${code}); set data.dir (PARLEY_DATA_DIR) to a folder of yours`
    return new StartFailure('noPermission', 'DATA_DIR_PERMISSION', line, error)
  }
  return new StartFailure('usage', 'DATA_DIR_UNUSABLE', `${what} ${path} cannot be used: ${message}`, error)
}
