// How work on records can fail: a closed list with what to do about each, and one shape for drivers to fail in.
// Messages name tables, files and codes, never values: values may be speech.
import { err, type Result } from '@parley/kernel'

export const STORE_ERRORS = {
  UNAVAILABLE: { isRetryable: true, fix: 'look whether the database runs and can be reached; records wait meanwhile' },
  TIMEOUT: { isRetryable: true, fix: 'look what holds the database up; records wait meanwhile' },
  INVALID: { isRetryable: false, fix: 'the record is left out; it says which field' },
  SCHEMA_NEWER: {
    isRetryable: false,
    fix: 'run the version of Parley that made the schema, or restore an older backup',
  },
  SCHEMA_OLDER: { isRetryable: false, fix: 'let it be migrated first: open it without `migrate: false`' },
  BUSY: { isRetryable: true, fix: 'wait until the other one is done' },
  DAMAGED: { isRetryable: false, fix: 'take the file from another copy' },
  DISK: { isRetryable: true, fix: 'look at free space and permissions of the folder' },
  REFUSED: { isRetryable: false, fix: 'see the message' },
  FAILED: { isRetryable: true, fix: 'see the log of the database' },
} as const

export type StoreErrorCode = keyof typeof STORE_ERRORS

export interface StoreError {
  readonly code: StoreErrorCode
  /** What happened, and what to do, for a person. */
  readonly message: string
}

export const isRetryable = (error: StoreError): boolean => STORE_ERRORS[error.code].isRetryable

/** What drivers throw through the query builder, which knows nothing but exceptions; caught where repositories begin. */
export class StoreFailure extends Error {
  readonly code: StoreErrorCode
  constructor(code: StoreErrorCode, message: string) {
    super(message)
    this.name = 'StoreFailure'
    this.code = code
  }
}

export const failure = (code: StoreErrorCode, message: string): { ok: false; error: StoreError } =>
  err({ code, message })

/** Runs `work`; a StoreFailure becomes a value, a failure of the file system DISK, anything else is a broken promise. */
export async function caught<T>(work: () => Promise<Result<T, StoreError>>): Promise<Result<T, StoreError>> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StoreFailure) return failure(error.code, error.message)
    const { code, syscall, path } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    return failure('DISK', `${syscall} ${path ?? ''}: ${code}; ${STORE_ERRORS.DISK.fix}`)
  }
}
