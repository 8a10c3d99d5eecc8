// What the directory refuses, as clients read it. Pure.
import type { DirectoryRefusal } from '@parley/fleet'
import { ParleyError } from '@parley/protocol'

type Full = Extract<DirectoryRefusal, { code: 'FLEET_FULL' }>

const WORDS = {
  noMember: 'no pod of the fleet takes sessions now',
  draining: 'every pod of the fleet drains',
  seats: 'every seat of the fleet is taken or reserved',
  overloaded: 'seats are free, but every pod of the fleet has used up a resource',
} as const satisfies Record<Full['reason'], string>

export function fullError({ reason, retryAfterMs }: Full): ParleyError {
  const message = `${WORDS[reason]}; try again in ${retryAfterMs} ms`
  const code = reason === 'draining' ? 'DRAINING' : 'NO_SEAT'
  return new ParleyError(code, { message, value: reason, retryAfterMs })
}

/** The directory cannot be asked where the session is. */
export function nobodyKnows(retryAfterMs: number): ParleyError {
  const message =
    'the session is not on this pod, and the directory that would know where it is cannot be asked; try again'
  return new ParleyError('WRONG_POD', { message, retryAfterMs })
}

/** `retryAfterMs`: for who comes from there and was not answered. */
export function livesAt(podId: string, location: string, retryAfterMs?: number): ParleyError {
  const message = `the session is on ${podId}; go to ${location}`
  const again = retryAfterMs === undefined ? {} : { retryAfterMs }
  return new ParleyError('WRONG_POD', { message, location, ...again })
}

/** The pod of the session is gone, or it changes hands: its client may come for it, at any pod. */
export function notYet(retryAfterMs: number): ParleyError {
  const message = 'the pod of the session is gone; it goes on wherever its client comes next'
  return new ParleyError('SESSION_SUSPENDED', { message, retryAfterMs })
}
