// Records outside the database: gzip files of one JSON line per record in a folder, and a manifest that says what each holds. Used
// by the archive, by exports, and whoever reads either.
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip, createGzip, type Gzip } from 'node:zlib'
import { ageFromMs, lineOf, parseLine, type StoredRecord, type TableName } from '../records.ts'
import { StoreFailure } from '../store-error.ts'

export const MANIFEST = 'manifest.json'
/** Rows of one file: a rewrite touches no more than it has to, and a reader needs no more memory than for one line. */
export const ROWS_PER_FILE = 50_000

export interface RecordFile {
  readonly name: string
  readonly table: TableName
  readonly rows: number
  readonly bytes: number
  /** Hex, of the file as it lies there: `sha256sum` says the same. */
  readonly sha256: string
  /** Rows by tenant. */
  readonly tenants: Readonly<Record<string, number>>
  /** Instants (wall) from which the ages of the oldest and the youngest row count. */
  readonly fromMs: number
  readonly toMs: number
}

export interface Manifest {
  readonly format: 1
  readonly kind: 'archive' | 'export'
  readonly createdAtMs: number
  /** An archive is `copied` until its rows have been deleted from the database, then `done`. */
  readonly state: 'copied' | 'done'
  /** Rises with each rewrite (somebody was forgotten, or a retention ended). */
  readonly rewrites: number
  readonly files: readonly RecordFile[]
  /** How long tenants keep finals; exports only. */
  readonly retention?: Readonly<Record<string, number>>
  /** Who was forgotten, as keyed hashes, and their key; exports only. */
  readonly forgotten?: { readonly salt: string; readonly users: Readonly<Record<string, number>> }
}

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const file = path.join(folder, MANIFEST)
  const handle = await open(`${file}.new`, 'w', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.new`, file)
  await syncFolder(folder)
}

/** A name is safe on disk only when its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

const isFile = (file: RecordFile) =>
  typeof file.name === 'string' && path.basename(file.name) === file.name && /^[0-9a-f]{64}$/.test(file.sha256)

/** Throws a StoreFailure when there is none, or it is not one. */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = path.join(folder, MANIFEST)
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) throw new StoreFailure('REFUSED', `${folder} has no ${MANIFEST}: it is no archive or export`)
  try {
    const manifest = JSON.parse(text) as Manifest
    if (manifest.format === 1 && Array.isArray(manifest.files) && manifest.files.every(isFile)) return manifest
  } catch {
    // said below
  }
  throw new StoreFailure('DAMAGED', `${file} is not a manifest of format 1; take it from another copy`)
}

/** Writes one file; give it rows of one table. */
export class RecordFileWriter {
  readonly #handle: FileHandle
  readonly #name: string
  readonly #table: TableName
  readonly #gzip: Gzip = createGzip()
  readonly #hash: Hash = createHash('sha256')
  readonly #tenants = new Map<string, number>()
  readonly #written: Promise<void>
  #rows = 0
  #bytes = 0
  #fromMs = Number.POSITIVE_INFINITY
  #toMs = 0

  private constructor(handle: FileHandle, name: string, table: TableName) {
    this.#handle = handle
    this.#name = name
    this.#table = table
    this.#written = this.#pump()
    this.#written.catch(() => {}) // told by write or finish
  }

  static async create(folder: string, name: string, table: TableName): Promise<RecordFileWriter> {
    return new RecordFileWriter(await open(path.join(folder, name), 'wx', 0o600), name, table)
  }

  get rows(): number {
    return this.#rows
  }

  async #pump(): Promise<void> {
    for await (const piece of this.#gzip) {
      this.#hash.update(piece as Buffer)
      this.#bytes += (piece as Buffer).length
      await this.#handle.write(piece as Buffer)
    }
  }

  async write(records: readonly StoredRecord[]): Promise<void> {
    if (records.length === 0) return
    for (const record of records) {
      const { tenant } = record.row
      this.#tenants.set(tenant, (this.#tenants.get(tenant) ?? 0) + 1)
      this.#fromMs = Math.min(this.#fromMs, ageFromMs(record))
      this.#toMs = Math.max(this.#toMs, ageFromMs(record))
    }
    this.#rows += records.length
    const isTaken = this.#gzip.write(records.map((record) => `${lineOf(record)}\n`).join(''))
    if (isTaken) return
    // The writing itself may fail (a full disk), and then nothing drains any more.
    await Promise.race([
      new Promise<void>((resolve) => {
        this.#gzip.once('drain', resolve)
      }),
      this.#written,
    ])
  }

  /** The file is on disk when this resolves. */
  async finish(): Promise<RecordFile> {
    this.#gzip.end()
    try {
      await this.#written
      await this.#handle.sync()
    } finally {
      await this.#handle.close()
    }
    return {
      name: this.#name,
      table: this.#table,
      rows: this.#rows,
      bytes: this.#bytes,
      sha256: this.#hash.digest('hex'),
      tenants: Object.fromEntries(this.#tenants),
      fromMs: this.#rows === 0 ? 0 : this.#fromMs,
      toMs: this.#toMs,
    }
  }

  /** Gives up: nothing of the file is left. */
  async abandon(folder: string): Promise<void> {
    this.#gzip.destroy()
    await this.#written.catch(() => {})
    await this.#handle.close().catch(() => {})
    await rm(path.join(folder, this.#name), { force: true })
  }
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer)
  return hash.digest('hex')
}

/** Throws DAMAGED when the file is not, byte for byte, the one the manifest names. */
export async function checkFile(folder: string, file: RecordFile): Promise<void> {
  const where = path.join(folder, file.name)
  const found = await hashOf(where).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT'
      ? new StoreFailure('DAMAGED', `${where} is missing; take it from another copy`)
      : error
  })
  if (found === file.sha256) return
  throw new StoreFailure(
    'DAMAGED',
    `${where} has SHA-256 ${found}, its manifest says ${file.sha256}; take it from another copy`,
  )
}

/** The records of a file in batches; throws DAMAGED at a line that is none, and when the number is not the manifest's. */
export async function* readRecords(
  folder: string,
  file: RecordFile,
  batchRows: number,
): AsyncGenerator<StoredRecord[]> {
  const where = path.join(folder, file.name)
  const input = createReadStream(where)
  const unzipped = createGunzip()
  input.on('error', (error) => unzipped.destroy(error))
  const lines = createInterface({ input: input.pipe(unzipped), crlfDelay: Number.POSITIVE_INFINITY })
  let batch: StoredRecord[] = []
  let rows = 0
  try {
    for await (const line of lines) {
      rows++
      const parsed = parseLine(line)
      if (!parsed.ok || parsed.value.table !== file.table) {
        throw new StoreFailure(
          'DAMAGED',
          `${where}, line ${rows}: ${parsed.ok ? `not of ${file.table}` : parsed.error}`,
        )
      }
      batch.push(parsed.value)
      if (batch.length < batchRows) continue
      yield batch
      batch = []
    }
  } finally {
    lines.close()
    input.destroy()
  }
  if (rows !== file.rows)
    throw new StoreFailure('DAMAGED', `${where} has ${rows} records, its manifest says ${file.rows}`)
  if (batch.length > 0) yield batch
}
