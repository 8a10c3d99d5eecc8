// What may happen to one speech. Pure: plain values in, the next state and the effects out.
//
//   event \ state   waiting              opening                  speaking                       over
//   onAssigned      opening              -                        -                              -
//   onOpened        -                    speaking, told once      -                              -
//   onRefused       -                    waiting | failed         -                              -
//   onLost          -                    waiting | failed         waiting | failed               -
//   onFailed        -                    waiting, later | failed  waiting, later | failed        -
//   onEnded         -                    -                        ended, or as onFailed          -
//   onTick          failed, too long     as onFailed, too long    as onFailed, nothing came      -
//   onCancel        over                 over, tell worker        over, tell worker              -
//
// A worker whose audio does not join on, or that ends before or behind its last sample, has failed (SK3).
import { ParleyError } from '@parley/protocol'
import type { ChosenVoice, SpeakCommon, SpeakState, SpeakTransition } from './speak-state.ts'

export interface SpeakPolicy {
  /** Setbacks without a second of audio between them that end a speech. */
  readonly maxSetbacks: number
  /** How long a speech that has not begun waits for a slot. */
  readonly startWaitMs: number
  /** How long one that has begun waits for a worker to go on with. */
  readonly resumeWaitMs: number
  /** From speak.open to its answer. */
  readonly openDeadlineMs: number
  /** Audio is allowed and none comes. */
  readonly silenceDeadlineMs: number
  /** Before a worker is tried again that failed. */
  readonly retryMs: number
}

/** All but how long a speech that has begun waits, which is configured (`speech.workerWaitMs`). */
export const SPEAK_POLICY: Omit<SpeakPolicy, 'resumeWaitMs'> = {
  maxSetbacks: 3,
  startWaitMs: 2_000,
  openDeadlineMs: 10_000,
  silenceDeadlineMs: 5_000,
  retryMs: 500,
}

/** Advice to whoever was refused for want of a slot or a worker. */
export const SPEAK_RETRY_AFTER_MS = 1_000

export interface Refusal {
  readonly code: 'NO_SLOT' | 'SPEECH_UNAVAILABLE' | 'VOICE_UNKNOWN' | 'LANGUAGE_UNSUPPORTED' | 'TEXT_INVALID'
  readonly message: string
  readonly retryAfterMs?: number
}

const OVER = { kind: 'over' } as const
const stay = (state: SpeakState): SpeakTransition => ({ state, effects: [] })

const common = ({ fromSample, nextSample, chosen, setbacks, setbackSample }: SpeakState): SpeakCommon => {
  return { fromSample, nextSample, chosen, setbacks, setbackSample }
}

export function newSpeakState(fromSample: number, nowMs: number): SpeakState {
  return {
    kind: 'waiting',
    sinceMs: nowMs,
    retryAtMs: nowMs,
    fromSample,
    nextSample: fromSample,
    chosen: undefined,
    setbacks: 0,
    setbackSample: fromSample,
  }
}

export function onAssigned(state: SpeakState, nowMs: number): SpeakTransition {
  if (state.kind !== 'waiting') return stay(state)
  return stay({ ...common(state), kind: 'opening', sinceMs: state.sinceMs, openedAtMs: nowMs })
}

export function onOpened(state: SpeakState, opened: ChosenVoice, nowMs: number, policy: SpeakPolicy): SpeakTransition {
  if (state.kind !== 'opening') return stay(state)
  const { chosen } = state
  if (chosen && !isSame(chosen, opened)) return onFailed(state, nowMs, policy)
  const speaking = { ...common(state), chosen: chosen ?? opened, kind: 'speaking', owedSinceMs: nowMs } as const
  return { state: speaking, effects: chosen ? [] : [{ type: 'started', chosen: opened }] }
}

const isSame = (one: ChosenVoice, other: ChosenVoice): boolean =>
  one.sampleRateHz === other.sampleRateHz &&
  one.voice.name === other.voice.name &&
  one.voice.engine === other.voice.engine

/** No slot after all: the wait goes on. What is wrong with the request itself is its end, unless another worker could begin it. */
export function onRefused(state: SpeakState, refusal: Refusal, nowMs: number, policy: SpeakPolicy): SpeakTransition {
  if (state.kind !== 'opening') return stay(state)
  const { code, message, retryAfterMs = policy.retryMs } = refusal
  if (code === 'NO_SLOT') {
    const retryAtMs = nowMs + Math.min(retryAfterMs, policy.retryMs)
    const waiting = { ...common(state), kind: 'waiting', sinceMs: state.sinceMs, retryAtMs } as const
    return { state: waiting, effects: [{ type: 'place' }] }
  }
  if (code === 'SPEECH_UNAVAILABLE' || state.chosen) return setBack(state, nowMs, policy.retryMs, policy, false)
  return fail(state, new ParleyError(code, { message, ...fieldOf(code) }), false)
}

/** The worker's process or its link is gone: another may take the speech at once. One that left in order is no setback. */
export function onLost(state: SpeakState, nowMs: number, policy: SpeakPolicy, wasWanted = false): SpeakTransition {
  if (state.kind !== 'opening' && state.kind !== 'speaking') return stay(state)
  if (!wasWanted) return setBack(state, nowMs, 0, policy, false)
  const sinceMs = state.kind === 'opening' ? state.sinceMs : nowMs
  return { state: { ...common(state), kind: 'waiting', sinceMs, retryAtMs: nowMs }, effects: [{ type: 'place' }] }
}

/** The worker is there, but gave the speech up, broke its rules or did not answer in time. `isGone`: it has forgotten it already. */
export function onFailed(state: SpeakState, nowMs: number, policy: SpeakPolicy, isGone = false): SpeakTransition {
  if (state.kind !== 'opening' && state.kind !== 'speaking') return stay(state)
  return setBack(state, nowMs, policy.retryMs, policy, !isGone)
}

/**
 * Audio has come: `count` samples from `fromSample`. Answers with how many of them are known already, or undefined when samples are
 * missing before them.
 */
export function knownSamples(state: SpeakCommon, fromSample: number, count: number): number | undefined {
  if (fromSample > state.nextSample) return undefined
  return Math.min(count, state.nextSample - fromSample)
}

/** `count` samples more have been passed on. */
export function onPassed(state: SpeakState, count: number, nowMs: number): SpeakState {
  if (state.kind !== 'speaking') return state
  const nextSample = state.nextSample + count
  const { chosen, setbacks, setbackSample } = state
  const isForward = setbacks > 0 && nextSample - setbackSample >= (chosen?.sampleRateHz ?? 0)
  return { ...state, nextSample, owedSinceMs: nowMs, setbacks: isForward ? 0 : setbacks }
}

/** More is allowed from now on; `wasAllCome`: everything allowed before had come, so that silence was right until now. */
export function onGranted(state: SpeakState, wasAllCome: boolean, nowMs: number): SpeakState {
  return state.kind === 'speaking' && wasAllCome ? { ...state, owedSinceMs: nowMs } : state
}

/** The worker says that `samples` are all there are. */
export function onEnded(state: SpeakState, samples: number, nowMs: number, policy: SpeakPolicy): SpeakTransition {
  if (state.kind !== 'speaking') return stay(state)
  const { nextSample, fromSample } = state
  // A speech may be shorter than what the listener says it has; then there is nothing left to say.
  const isWhole = samples === nextSample || (samples < nextSample && nextSample === fromSample)
  if (!isWhole) return onFailed(state, nowMs, policy, true)
  return { state: { ...common(state), ...OVER }, effects: [{ type: 'ended', samples }] }
}

/** `isOwed`: audio is allowed that has not come; `unplaced`: why nobody takes a speech that waits, undefined while it may yet. */
export function onTick(
  state: SpeakState,
  nowMs: number,
  isOwed: boolean,
  unplaced: (waitedMs: number) => ParleyError | undefined,
  policy: SpeakPolicy,
): SpeakTransition {
  switch (state.kind) {
    case 'waiting': {
      const hasBegun = state.chosen !== undefined
      if (nowMs - state.sinceMs < (hasBegun ? policy.resumeWaitMs : policy.startWaitMs)) return stay(state)
      const error = hasBegun
        ? brokeOff(`no worker went on with it within ${policy.resumeWaitMs} ms`)
        : unplaced(nowMs - state.sinceMs)
      return error ? fail(state, error, false) : stay(state)
    }
    case 'opening':
      return nowMs - state.openedAtMs < policy.openDeadlineMs ? stay(state) : onFailed(state, nowMs, policy)
    case 'speaking':
      return !isOwed || nowMs - state.owedSinceMs < policy.silenceDeadlineMs
        ? stay(state)
        : onFailed(state, nowMs, policy)
    case 'over':
      return stay(state)
  }
}

export function onCancel(state: SpeakState): SpeakTransition {
  if (state.kind === 'over') return stay(state)
  const hasWorker = state.kind !== 'waiting'
  return { state: { ...common(state), ...OVER }, effects: hasWorker ? [{ type: 'closeOnWorker' }] : [] }
}

/** What is wrong with the request, found before any worker was asked. */
export function onInvalid(state: SpeakState, error: ParleyError): SpeakTransition {
  return state.kind === 'over' ? stay(state) : fail(state, error, false)
}

function setBack(
  state: Extract<SpeakState, { kind: 'opening' | 'speaking' }>,
  nowMs: number,
  delayMs: number,
  policy: SpeakPolicy,
  isOnWorker: boolean,
): SpeakTransition {
  const setbacks = state.setbacks + 1
  if (setbacks > policy.maxSetbacks) {
    return fail(state, brokeOff(`${setbacks} workers in a row were lost or failed under it`), isOnWorker)
  }
  const sinceMs = state.kind === 'opening' ? state.sinceMs : nowMs
  // A worker that failed is not asked again at once; another may be.
  const waiting = {
    ...common(state),
    kind: 'waiting',
    sinceMs,
    retryAtMs: nowMs + (setbacks > 1 ? delayMs : 0),
  } as const
  const effects = [...(isOnWorker ? [{ type: 'failOnWorker' } as const] : []), { type: 'place' } as const]
  return { state: { ...waiting, setbacks, setbackSample: state.nextSample }, effects }
}

function fail(state: SpeakState, error: ParleyError, isOnWorker: boolean): SpeakTransition {
  const close = isOnWorker ? [{ type: 'failOnWorker' } as const] : []
  return { state: { ...common(state), ...OVER }, effects: [...close, { type: 'failed', error }] }
}

const brokeOff = (why: string): ParleyError =>
  new ParleyError('SYNTHESIS_FAILED', { message: `the speech broke off: ${why}`, retryAfterMs: SPEAK_RETRY_AFTER_MS })

function fieldOf(code: Refusal['code']): { field?: 'voice' | 'language' | 'text' } {
  if (code === 'VOICE_UNKNOWN') return { field: 'voice' }
  if (code === 'LANGUAGE_UNSUPPORTED') return { field: 'language' }
  return code === 'TEXT_INVALID' ? { field: 'text' } : {}
}
