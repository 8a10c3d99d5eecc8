// Does UDP work on this way to the platform? A pure function of state and input: probes, answers, silence. No sockets, no clock.
//
//   input \ state   probing                     active                        down
//   tick            probe | down (unusable)     probe | down (unusable)       probing (when due)
//   answer          active (usable)             heard                         active (usable)
//   ask             -                           probe at once                 -
//   network         probing, fresh socket       probe at once, fresh socket   probing, fresh socket

export type UdpPathState =
  | { readonly kind: 'probing'; readonly sent: number; readonly nextAtMs: number; readonly failures: number }
  | {
      readonly kind: 'active'
      readonly heardAtMs: number
      readonly probedAtMs: number
      readonly tickedAtMs: number
      /** Silent for so long that nothing should be sent before the next answer. */
      readonly isDoubted: boolean
    }
  /** Asked again at `nextAtMs`; `failures` times in a row there was no answer. */
  | { readonly kind: 'down'; readonly nextAtMs: number; readonly failures: number }

export type UdpPathInput = 'tick' | 'answer' | 'ask' | 'network'
export type UdpPathEffect =
  | { readonly kind: 'probe' }
  | { readonly kind: 'usable' }
  /** It may be gone: what is sent now may be lost. The next answer, or unusable, decides. */
  | { readonly kind: 'doubt' }
  | { readonly kind: 'unusable'; readonly reason: string }
  /** Send from another local port from now on. */
  | { readonly kind: 'renew' }

export interface UdpPathStep {
  readonly state: UdpPathState
  readonly effects: readonly UdpPathEffect[]
}

/** Between probes while nothing is known, and how many of them, ms. */
export const PROBE_INTERVAL_MS = 200
export const PROBE_TRIES = 5
/** Between probes of a path in use that answers, ms; one that does not is probed as at first. */
export const ACTIVE_PROBE_INTERVAL_MS = 500
/** Silence after which nothing is sent before the next answer, and after which the path is not used any more, ms. */
export const UDP_DOUBT_MS = 1_000
export const UDP_SILENCE_MS = 1_500
/** After a change of network a path in use has this long to answer, ms. */
const CHANGED_SILENCE_MS = 1_000
const FIRST_RETRY_MS = 5_000
const MAX_RETRY_MS = 60_000

const PROBE: UdpPathEffect = { kind: 'probe' }
const NOTHING: readonly UdpPathEffect[] = []

export const probingFrom = (nowMs: number, failures = 0): UdpPathState => ({
  kind: 'probing',
  sent: 0,
  nextAtMs: nowMs,
  failures,
})

/** All times monotonic ms. */
export function stepUdpPath(state: UdpPathState, input: UdpPathInput, nowMs: number): UdpPathStep {
  switch (input) {
    case 'tick':
      return onTick(state, nowMs)
    case 'answer': {
      const heard: UdpPathState = {
        kind: 'active',
        heardAtMs: nowMs,
        probedAtMs: state.kind === 'active' ? state.probedAtMs : nowMs,
        tickedAtMs: nowMs,
        isDoubted: false,
      }
      return { state: heard, effects: state.kind === 'active' ? NOTHING : [{ kind: 'usable' }] }
    }
    case 'ask':
      if (state.kind !== 'active') return { state, effects: NOTHING }
      return { state: { ...state, probedAtMs: nowMs }, effects: [PROBE] }
    case 'network': {
      const renew: UdpPathEffect = { kind: 'renew' }
      if (state.kind !== 'active') return { state: probingFrom(nowMs), effects: [renew] }
      const heardAtMs = Math.min(state.heardAtMs, nowMs - (UDP_SILENCE_MS - CHANGED_SILENCE_MS))
      return { state: { ...state, heardAtMs, probedAtMs: nowMs }, effects: [renew, PROBE] }
    }
  }
}

function onTick(state: UdpPathState, nowMs: number): UdpPathStep {
  switch (state.kind) {
    case 'probing': {
      if (nowMs < state.nextAtMs) return { state, effects: NOTHING }
      if (state.sent >= PROBE_TRIES) return goDown(nowMs, state.failures + 1, 'no answer over UDP')
      const sent = state.sent + 1
      return { state: { ...state, sent, nextAtMs: nowMs + PROBE_INTERVAL_MS }, effects: [PROBE] }
    }
    case 'active':
      return whileActive(state, nowMs)
    case 'down':
      if (nowMs < state.nextAtMs) return { state, effects: NOTHING }
      return onTick(probingFrom(nowMs, state.failures), nowMs)
  }
}

function whileActive(state: Extract<UdpPathState, { kind: 'active' }>, nowMs: number): UdpPathStep {
  // This process itself stood still: answers may be waiting unread.
  const stoodStill = nowMs - state.tickedAtMs > UDP_SILENCE_MS / 2
  const heardAtMs = stoodStill ? Math.max(state.heardAtMs, nowMs - ACTIVE_PROBE_INTERVAL_MS) : state.heardAtMs
  const silentMs = nowMs - heardAtMs
  if (silentMs >= UDP_SILENCE_MS) return goDown(nowMs, 1, `no answer over UDP for ${UDP_SILENCE_MS / 1000} s`)
  const isDoubted = silentMs >= UDP_DOUBT_MS
  const isUnanswered = state.probedAtMs > heardAtMs
  const isDue = nowMs - state.probedAtMs >= (isUnanswered ? PROBE_INTERVAL_MS : ACTIVE_PROBE_INTERVAL_MS)
  const effects: UdpPathEffect[] = isDoubted && !state.isDoubted ? [{ kind: 'doubt' }] : []
  if (isDue) effects.push(PROBE)
  const probedAtMs = isDue ? nowMs : state.probedAtMs
  return { state: { kind: 'active', heardAtMs, probedAtMs, tickedAtMs: nowMs, isDoubted }, effects }
}

function goDown(nowMs: number, failures: number, reason: string): UdpPathStep {
  const waitMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1))
  return { state: { kind: 'down', nextAtMs: nowMs + waitMs, failures }, effects: [{ kind: 'unusable', reason }] }
}
