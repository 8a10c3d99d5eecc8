// What the owner of an SQLite thread and the thread say to each other.

export interface SqliteThreadData {
  readonly file: string
  readonly busyTimeoutMs: number
  readonly isReadOnly: boolean
  /** Bound on the size of the database, in pages of 4 KiB; none unless told. */
  readonly maxPages?: number
}

export type SqliteValue = string | number | null
export type SqliteOperation =
  | { readonly op: 'run'; readonly sql: string; readonly parameters: readonly SqliteValue[] }
  | { readonly op: 'lock' | 'unlock'; readonly name: string }
  | { readonly op: 'backup'; readonly file: string }
  | { readonly op: 'close' }
export type SqliteRequest = SqliteOperation & { readonly id: number }

export interface SqliteRows {
  readonly rows: unknown[]
  readonly changes: number
}

export interface SqliteAnswer {
  readonly id: number
  readonly value?: SqliteRows | boolean | undefined
  readonly failed?: { readonly errcode: number; readonly words: string }
}
