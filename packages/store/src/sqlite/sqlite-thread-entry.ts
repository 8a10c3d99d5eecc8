// The thread that owns one SQLite database. `node:sqlite` is synchronous: here it blocks nobody. One request at a time, in order.
import { closeSync, openSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { SqliteAnswer, SqliteRequest, SqliteThreadData } from './sqlite-messages.ts'

const data = workerData as SqliteThreadData
const KEPT_STATEMENTS = 100

let database: DatabaseSync | undefined
const statements = new Map<string, StatementSync>()
const locks = new Map<string, DatabaseSync>()

/**
 * WAL: readers of another process (the command line) never wait for the writer. FULL: a batch that was committed outlives
 * a power cut. secure_delete: what is deleted is overwritten, a user who is forgotten included.
 */
function open(): DatabaseSync {
  // The files of SQLite are as readable as the first of them: for this user only.
  if (!data.isReadOnly) closeSync(openSync(data.file, 'a', 0o600))
  const opened = new DatabaseSync(data.file, { timeout: data.busyTimeoutMs, readOnly: data.isReadOnly })
  if (!data.isReadOnly) {
    opened.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
    opened.exec('PRAGMA journal_size_limit = 16777216')
    if (data.maxPages !== undefined) opened.exec(`PRAGMA max_page_count = ${data.maxPages}`)
  }
  return opened
}

function prepared(sql: string): StatementSync {
  database ??= open()
  const held = statements.get(sql)
  if (held) return held
  const oldest = statements.size >= KEPT_STATEMENTS ? statements.keys().next().value : undefined
  if (oldest !== undefined) statements.delete(oldest)
  const made = database.prepare(sql)
  statements.set(sql, made)
  return made
}

function run(sql: string, parameters: readonly (string | number | null)[]): SqliteAnswer['value'] {
  const statement = prepared(sql)
  if (statement.columns().length > 0) return { rows: statement.all(...parameters), changes: 0 }
  return { rows: [], changes: Number(statement.run(...parameters).changes) }
}

/** A lock is a transaction of a file of its own: the system lets go of it when this process dies, whatever the clock says. */
function lock(name: string): boolean {
  if (locks.has(name)) return false
  const holder = new DatabaseSync(`${data.file}.${name}.lock`, { timeout: 0 })
  try {
    holder.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    holder.close()
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === 5) return false
    throw error
  }
  locks.set(name, holder)
  return true
}

function unlock(name: string): void {
  locks.get(name)?.close()
  locks.delete(name)
}

function closeAll(): void {
  for (const name of [...locks.keys()]) unlock(name)
  statements.clear()
  database?.close()
  database = undefined
}

async function answer(request: SqliteRequest): Promise<SqliteAnswer['value']> {
  switch (request.op) {
    case 'run':
      return run(request.sql, request.parameters)
    case 'lock':
      return lock(request.name)
    case 'unlock':
      unlock(request.name)
      return undefined
    case 'backup':
      await rm(request.file, { force: true })
      // One read of one moment. The stepwise copy of SQLite begins again with each write of another process.
      run('VACUUM INTO ?', [request.file])
      return undefined
    case 'close':
      closeAll()
      return undefined
  }
}

let previous: Promise<void> = Promise.resolve()
parentPort?.on('message', (request: SqliteRequest) => {
  previous = previous.then(async () => {
    try {
      parentPort?.postMessage({ id: request.id, value: await answer(request) } satisfies SqliteAnswer)
    } catch (error) {
      const { errcode, errstr, message, code } = error as Error & { errcode?: number; errstr?: string; code?: string }
      // The text of an SQLite error may hold values; its number and the sentence that belongs to it do not.
      const failed = { errcode: errcode ?? 1, words: errstr ?? code ?? message }
      parentPort?.postMessage({ id: request.id, failed } satisfies SqliteAnswer)
    }
    if (request.op === 'close') parentPort?.close()
  })
})
