// What a database has to be for the repositories: a query builder over a connection, and the few things SQLite and
// PostgreSQL do differently, each with a name.
import type { Kysely, Transaction } from 'kysely'
import type { Tables } from './schema.ts'

export type Queries = Kysely<Tables>
export type Writes = Transaction<Tables>

export interface RecordDatabase {
  readonly kind: 'sqlite' | 'postgres'
  /** Where it is, for a person: a file, or host and name; never a password. */
  readonly place: string
  readonly queries: Queries
  /** Call first in a transaction that writes records: holds off those that forget users until it has ended. */
  shareWrites(writes: Writes): Promise<void>
  /** Call first in a transaction that nothing may write beside (forgetting, migrating). */
  ownWrites(writes: Writes): Promise<void>
  /** Whether rows that are read can be kept from change until the transaction ends (`for update`). */
  readonly locksRows: boolean
  /**
   * Runs `work` as the only holder of `name` in the whole fleet; undefined when somebody else holds it. `work` must use
   * the queries it is given: they fail when the hold is lost.
   */
  exclusively<T>(name: string, work: (queries: Queries) => Promise<T>): Promise<{ readonly value: T } | undefined>
  /** Overwrites what deleted rows left behind, as far as the database can; says what is left to others. */
  scrub(): Promise<string | undefined>
  /** A consistent copy into one file while everything goes on; undefined where that is the database's own business. */
  readonly backup?: (file: string) => Promise<void>
  /** Connections open and in use, and requests that wait for one. */
  load(): { readonly open: number; readonly inUse: number; readonly waiting: number }
  close(): Promise<void>
}
