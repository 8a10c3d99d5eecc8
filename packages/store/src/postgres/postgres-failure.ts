// What a failure of PostgreSQL, or of the way to it, means for records. Pure. Messages of the server may hold values of
// rows: only its codes are passed on.
import { type StoreErrorCode, StoreFailure } from '../store-error.ts'

/** Whether the connection may be used again. */
export interface PostgresFailure {
  readonly failure: StoreFailure
  readonly isConnectionLost: boolean
}

const BY_STATE: Readonly<Record<string, readonly [StoreErrorCode, string]>> = {
  '57014': ['TIMEOUT', 'the statement took too long'],
  '55P03': ['TIMEOUT', 'a row or table was held by another transaction'],
  '25P03': ['TIMEOUT', 'the transaction stood still for too long'],
  '40001': ['TIMEOUT', 'it collided with another transaction'],
  '40P01': ['TIMEOUT', 'it and another transaction waited for each other'],
  '28P01': ['UNAVAILABLE', 'the password was not taken'],
  '28000': ['UNAVAILABLE', 'the user may not connect'],
  '3D000': ['UNAVAILABLE', 'there is no database of that name'],
  '42501': ['UNAVAILABLE', 'the user may not do that; it needs to own the schema'],
  '53300': ['UNAVAILABLE', 'it has no connection left (max_connections)'],
  '53100': ['UNAVAILABLE', 'its disk is full'],
}

const BY_CLASS: Readonly<Record<string, readonly [StoreErrorCode, string]>> = {
  '08': ['UNAVAILABLE', 'the connection broke'],
  '53': ['UNAVAILABLE', 'it is out of resources'],
  '57': ['UNAVAILABLE', 'it is starting, stopping or was restarted'],
  '58': ['UNAVAILABLE', 'its system failed'],
  XX: ['UNAVAILABLE', 'it found its data damaged or itself wrong'],
  '22': ['INVALID', 'a value does not fit its column'],
  '23': ['INVALID', 'a row breaks a rule of the schema'],
}

/** Classes after which the server has closed the connection or is about to. */
const LOST_CLASSES = new Set(['08', '57', '58', 'XX'])

export function postgresFailure(error: unknown, place: string): PostgresFailure {
  if (error instanceof StoreFailure) return { failure: error, isConnectionLost: false }
  const { code = '', message = '' } = error as { code?: string; message?: string }
  if (/^[0-9A-Z]{5}$/.test(code) && 'severity' in (error as object)) {
    const [kind, words] = BY_STATE[code] ?? BY_CLASS[code.slice(0, 2)] ?? ['FAILED', 'it refused the statement']
    return {
      failure: new StoreFailure(kind, `PostgreSQL ${place}: ${words} (SQLSTATE ${code})`),
      isConnectionLost: LOST_CLASSES.has(code.slice(0, 2)) && code !== '57014',
    }
  }
  if (/timeout/i.test(message)) {
    return {
      failure: new StoreFailure('TIMEOUT', `PostgreSQL ${place} did not answer in time`),
      isConnectionLost: true,
    }
  }
  const why = code === '' ? 'the connection broke' : code
  return {
    failure: new StoreFailure('UNAVAILABLE', `PostgreSQL ${place} cannot be reached: ${why}`),
    isConnectionLost: true,
  }
}
