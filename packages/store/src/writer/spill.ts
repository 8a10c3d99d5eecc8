// Where records wait on disk while the database is lost: a small SQLite file, because it is whole after any crash, bounded, and
// a user can be deleted from it by another process. Oldest first out; the bound is bytes of records.
import { access, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, ok, type Result } from '@parley/kernel'
import { FORGOTTEN_NAME } from '../forgotten.ts'
import { lineOf, parseLine, type StoredRecord, userOf } from '../records.ts'
import { SqliteThread } from '../sqlite/sqlite-thread.ts'
import { caught, type StoreError, StoreFailure } from '../store-error.ts'

export interface SpillOptions {
  readonly file: string
  readonly clock: Clock
  /** Bound on the records held, in bytes of their lines; 268,435,456 (256 MiB) unless told. */
  readonly maxBytes?: number
  /** Bound on the file itself, in pages of 4 KiB: stands in for a disk that is full. */
  readonly maxPages?: number
}

export interface SpilledRecord {
  readonly id: number
  readonly record: StoredRecord
}

export interface SpillPage {
  readonly records: readonly SpilledRecord[]
  /** The last id looked at: removing through it removes what could not be read, too. */
  readonly throughId: number
  readonly unreadable: number
}

/** How much goes when there is no room: one piece in so many, so that it is not done for every batch anew. */
const DROP_SHARE = 16

const ROW_COST = `sum(length(cast(line as blob)))`

export class Spill {
  readonly #thread: SqliteThread
  readonly #maxBytes: number
  #isOpen = false
  #rows = 0
  #bytes = 0

  constructor(options: SpillOptions) {
    this.#maxBytes = options.maxBytes ?? 268_435_456
    const { file, clock, maxPages } = options
    this.#thread = new SqliteThread({ file, clock, ...(maxPages === undefined ? {} : { maxPages }) })
  }

  /** Records held; 0 before `open`. */
  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Looks what an earlier run left. Without `create` a file that is not there stays so. */
  open(create = true): Promise<Result<{ rows: number }, StoreError>> {
    return caught(async () => {
      const { file } = this.#thread
      const isThere = await access(file).then(
        () => true,
        () => false,
      )
      if (!isThere && !create) return ok({ rows: 0 })
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
      await this.#thread.run(`create table if not exists spill (
        id integer primary key autoincrement, kind text not null, tenant text not null, user_id text not null, line text not null)`)
      await this.#thread.run('create table if not exists keeping (tenant text primary key)')
      this.#isOpen = true
      await this.#recount()
      return ok({ rows: this.#rows })
    })
  }

  /** Whether this process is the one that writes and drains the file; the system ends that with the process. */
  own(): Promise<Result<boolean, StoreError>> {
    return caught(async () => ok(await this.#thread.lock('owner')))
  }

  /** Adds to the end; makes room by dropping the oldest, and says how many. DISK or UNAVAILABLE when nothing helps. */
  append(records: readonly StoredRecord[]): Promise<Result<{ dropped: number }, StoreError>> {
    return caught(async () => {
      let dropped = 0
      const bytes = records.reduce((sum, record) => sum + Buffer.byteLength(lineOf(record)), 0)
      while (this.#rows > 0 && this.#bytes + bytes > this.#maxBytes) dropped += await this.#dropOldest()
      for (;;) {
        try {
          await this.#insert(records)
          break
        } catch (error) {
          const isFull = error instanceof StoreFailure && error.code === 'UNAVAILABLE' && /\(13\)/.test(error.message)
          if (!isFull || this.#rows === 0) throw error
          dropped += await this.#dropOldest()
        }
      }
      this.#rows += records.length
      this.#bytes += bytes
      return ok({ dropped })
    })
  }

  async #insert(records: readonly StoredRecord[]): Promise<void> {
    const values = records.flatMap((record) => {
      const user = userOf(record)
      return [record.table, record.row.tenant, user?.userId ?? '', lineOf(record)]
    })
    const places = records.map(() => '(?, ?, ?, ?)').join(', ')
    await this.#thread.run(`insert into spill (kind, tenant, user_id, line) values ${places}`, values)
  }

  async #dropOldest(): Promise<number> {
    const count = Math.ceil(this.#rows / DROP_SHARE)
    const { changes } = await this.#thread.run(
      'delete from spill where id in (select id from spill order by id limit ?)',
      [count],
    )
    await this.#recount()
    return changes
  }

  /** The oldest, in order. */
  read(limit: number): Promise<Result<SpillPage, StoreError>> {
    return caught(async () => {
      const { rows } = await this.#thread.run('select id, line from spill order by id limit ?', [limit])
      const records: SpilledRecord[] = []
      for (const { id, line } of rows as { id: number; line: string }[]) {
        const parsed = parseLine(line)
        if (parsed.ok) records.push({ id, record: parsed.value })
      }
      // The last page: cheap to count, and another process may have deleted from the file.
      if (rows.length < limit) await this.#recount()
      const throughId = (rows.at(-1) as { id: number } | undefined)?.id ?? 0
      return ok({ records, throughId, unreadable: rows.length - records.length })
    })
  }

  /** What has been written goes. */
  remove(throughId: number): Promise<Result<void, StoreError>> {
    return caught(async () => {
      const counted = await this.#thread.run(
        `select count(*) as count, ${ROW_COST} as bytes from spill where id <= ?`,
        [throughId],
      )
      await this.#thread.run('delete from spill where id <= ?', [throughId])
      const [gone] = counted.rows as { count: number; bytes: number | null }[]
      this.#rows -= gone?.count ?? 0
      this.#bytes -= gone?.bytes ?? 0
      if (this.#rows === 0) await this.#shrink()
      return ok(undefined)
    })
  }

  /** Deletes the user's records, also while another process uses the file; how many. */
  forget(tenant: string, userId: string, dryRun = false): Promise<Result<number, StoreError>> {
    return caught(async () => {
      if (!this.#isOpen) return ok(0)
      const mine = await this.#thread.run('select id from spill where tenant = ? and user_id = ?', [tenant, userId])
      const acts = await this.#actsOf(tenant, userId)
      if (dryRun) return ok(mine.rows.length + acts.length)
      const { changes } = await this.#thread.run('delete from spill where tenant = ? and user_id = ?', [tenant, userId])
      for (const { id, line } of acts) await this.#thread.run('update spill set line = ? where id = ?', [line, id])
      await this.#thread.run('PRAGMA wal_checkpoint(TRUNCATE)')
      await this.#recount()
      return ok(changes + acts.length)
    })
  }

  /** Acts of or about the user, as they are to read from now on. */
  async #actsOf(tenant: string, userId: string): Promise<{ id: number; line: string }[]> {
    const { rows } = await this.#thread.run(`select id, line from spill where kind = 'audit' and tenant = ?`, [tenant])
    const changed: { id: number; line: string }[] = []
    for (const { id, line } of rows as { id: number; line: string }[]) {
      const parsed = parseLine(line)
      if (!parsed.ok || parsed.value.table !== 'audit') continue
      const renamed = withoutUser(parsed.value, userId)
      if (renamed !== parsed.value) changed.push({ id, line: lineOf(renamed) })
    }
    return changed
  }

  /** Remembers which tenants keep finals, for a start at which the database cannot be asked. */
  rememberKeeping(tenants: readonly string[]): Promise<Result<void, StoreError>> {
    return caught(async () => {
      await this.#thread.run('delete from keeping')
      for (const tenant of tenants) await this.#thread.run('insert or ignore into keeping values (?)', [tenant])
      return ok(undefined)
    })
  }

  keeping(): Promise<Result<string[], StoreError>> {
    return caught(async () => {
      const { rows } = await this.#thread.run('select tenant from keeping')
      return ok((rows as { tenant: string }[]).map((row) => row.tenant))
    })
  }

  async #recount(): Promise<void> {
    const { rows } = await this.#thread.run(`select count(*) as count, ${ROW_COST} as bytes from spill`)
    const [counted] = rows as { count: number; bytes: number | null }[]
    this.#rows = counted?.count ?? 0
    this.#bytes = counted?.bytes ?? 0
  }

  /** Gives the disk back; a file that another process is reading is left for the next time. */
  async #shrink(): Promise<void> {
    await this.#thread.run('VACUUM').catch(() => {})
    await this.#thread.run('PRAGMA wal_checkpoint(TRUNCATE)').catch(() => {})
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}

/** The act with the user's name replaced; the very same record when it is not of or about the user. */
export function withoutUser(record: Extract<StoredRecord, { table: 'audit' }>, userId: string): StoredRecord {
  const { actor, target } = record.row
  if (actor !== userId && target !== userId) return record
  return {
    table: 'audit',
    row: {
      ...record.row,
      actor: actor === userId ? FORGOTTEN_NAME : actor,
      target: target === userId ? FORGOTTEN_NAME : target,
    },
  }
}
