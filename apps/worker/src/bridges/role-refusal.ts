// Why a role takes nothing now, in the words of the catalogue.
import { ParleyError, type WorkerEngine } from '@parley/protocol'
import type { RoleRefusal } from '../endpoints-port.ts'

const NOT_READY_RETRY_MS = 2_000

/** Why an engine takes nothing now: it is loading, or has said what is wrong with it. */
export function notReady({ ready, problem }: WorkerEngine): ParleyError | undefined {
  if (ready) return undefined
  const message = problem ?? 'the engine is loading'
  return new ParleyError('SPEECH_UNAVAILABLE', { message, retryAfterMs: NOT_READY_RETRY_MS })
}

export function asError(refusal: RoleRefusal | undefined): ParleyError | undefined {
  if (!refusal) return undefined
  const { code, message, retryAfterMs } = refusal
  return new ParleyError(code, { message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}
