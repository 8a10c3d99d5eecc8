// Revocations outlive the process: a file of the data directory, which pods that share the directory read and write alike. Looked at every few
// seconds, so that what one of them, or an operator, has put there holds for the others; what is missing there is put there.
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomToken, type Scope } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import type { DataDirectory } from './data-directory.ts'
import { MAX_KIND_CHARS, type Revocation, type Revocations } from './revocations.ts'

export const REVOKED_FILE = 'revoked.json'
/** How long what another pod of this directory has revoked may go unnoticed, when nobody tells. */
export const REVOKED_FILE_PERIOD_MS = 2_000
/** Far more than there may be. */
const MAX_FILE_BYTES = 4 * 1024 * 1024

export class RevocationFile {
  readonly #path: string
  readonly #revocations: Revocations
  readonly #logger: Logger
  #seen = ''
  #syncing: Promise<void> | undefined
  #again = false
  #saidProblem = ''

  constructor(directory: DataDirectory, revocations: Revocations, logger: Logger) {
    this.#path = join(directory.path, REVOKED_FILE)
    this.#revocations = revocations
    this.#logger = logger
  }

  /** Reads now, and keeps both alike until the scope closes. */
  async open(scope: Scope): Promise<void> {
    await this.sync()
    scope.own(this.#revocations.onAdded(() => void this.sync()))
    scope.every(REVOKED_FILE_PERIOD_MS, () => void this.sync())
  }

  /** Resolves when file and memory are alike, or the file cannot be used, which is logged once. Rejects never. */
  sync(): Promise<void> {
    if (this.#syncing) this.#again = true
    this.#syncing ??= this.#syncUntilSame().finally(() => {
      this.#syncing = undefined
    })
    return this.#syncing
  }

  async #syncUntilSame(): Promise<void> {
    do {
      this.#again = false
      try {
        await this.#syncOnce()
        this.#saidProblem = ''
      } catch (error) {
        const problem = (error as Error).message
        if (problem !== this.#saidProblem) this.#logger.error({ err: error }, `${this.#path} cannot be used`)
        this.#saidProblem = problem
      }
    } while (this.#again)
  }

  async #syncOnce(): Promise<void> {
    const stamp = await this.#stamp()
    if (`${stamp} ${this.#revocations.digest()}` === this.#seen) return
    const inFile = await this.#read()
    this.#revocations.add(inFile)
    const names = new Set(inFile.map(({ kind, id }) => `${kind} ${id}`))
    const all = this.#revocations.all()
    const isWhole = all.every(({ kind, id }) => names.has(`${kind} ${id}`))
    if (!isWhole) await this.#write(all)
    // What was written is read again: another pod may have written at the same instant.
    this.#seen = isWhole ? `${stamp} ${this.#revocations.digest()}` : ''
  }

  async #stamp(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#path)
      return `${mtimeMs} ${size} ${ino}`
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none'
      throw error
    }
  }

  async #read(): Promise<readonly Revocation[]> {
    if ((await this.#stamp()) === 'none') return []
    const text = await readFile(this.#path, 'utf8')
    if (text.length > MAX_FILE_BYTES) throw new Error(`it is longer than ${MAX_FILE_BYTES} bytes; move it away`)
    const { version, revoked } = JSON.parse(text) as { version?: unknown; revoked?: unknown }
    if (version !== 1 || !Array.isArray(revoked)) {
      throw new Error('it is no list of revocations of this version; move it away, and revoke again what it held')
    }
    return revoked.filter(isRevocation)
  }

  /** Complete or not at all; a pod that wrote at the same instant finds its own missing the next time. */
  async #write(revoked: readonly Revocation[]): Promise<void> {
    const temporary = `${this.#path}.${randomToken(8)}`
    try {
      await writeFile(temporary, `${JSON.stringify({ version: 1, revoked }, null, 1)}\n`, { mode: 0o600 })
      await rename(temporary, this.#path)
    } finally {
      await rm(temporary, { force: true })
    }
  }
}

function isRevocation(value: unknown): value is Revocation {
  const { kind, id, untilMs } = (value ?? {}) as Partial<Revocation>
  const isKind = typeof kind === 'string' && kind.length > 0 && kind.length <= MAX_KIND_CHARS
  return isKind && typeof id === 'string' && id.length <= 64 && Number.isFinite(untilMs)
}
