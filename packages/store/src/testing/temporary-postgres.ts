// A real PostgreSQL for one test file, in a folder that goes with it; undefined with a reason where there is none.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import { systemClock } from '@parley/kernel'
import pg from 'pg'
import { type PostgresServer, startPostgres } from '../postgres/postgres-server.ts'

export interface TemporaryPostgres {
  readonly folder: string
  readonly server: PostgresServer
  /** Makes a new, empty database and returns its address. */
  newDatabase(): Promise<string>
  /** Ends it and every process that serves a connection, at once: those of a server that is only killed itself finish what they were asked. */
  crash(): void
  /** Starts it again in the same folder, after it was killed or stopped. */
  restart(): Promise<void>
  end(): Promise<void>
}

/** Killing the process loses nothing without fsync; only killing the machine would. */
const SETTINGS = ['fsync=off', 'full_page_writes=off', 'max_connections=60', 'shared_buffers=16MB']

/** The server, or why there is none (then tests are skipped with that reason). */
export async function temporaryPostgres(): Promise<TemporaryPostgres | string> {
  const folder = await mkdtemp(path.join('/tmp', 'parley-pg-'))
  const start = () => startPostgres({ clock: systemClock, folder, settings: SETTINGS })
  const started = await start()
  if (!started.ok) {
    await rm(folder, { recursive: true, force: true })
    return started.error.message
  }
  let server = started.value
  let count = 0
  return {
    folder,
    get server() {
      return server
    },
    async newDatabase() {
      const name = `records_${++count}`
      const client = new pg.Client({ connectionString: server.urlOf('postgres') })
      await client.connect()
      await client.query(`create database ${name}`)
      await client.end()
      return server.urlOf(name)
    },
    crash() {
      const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').match(/\d+/g) ?? []
      server.kill('SIGKILL')
      for (const pid of children) killIfThere(Number(pid))
    },
    async restart() {
      await server.ended
      const again = await start()
      if (!again.ok) throw new Error(again.error.message)
      server = again.value
    },
    async end() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
