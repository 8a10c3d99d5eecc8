// What may happen to one session's stream. Pure: plain values in, the next state and the effects out.
//
//   event \ state   waiting            opening             live, flushing                  closed
//   onAssigned      opening            -                   -                               -
//   onOpened        -                  live, tell ready    -                               -
//   onRefused       -                  waiting, later      -                               -
//   onFenced        -                  waiting, later      waiting, audio from the start   -
//   onLost          -                  waiting             waiting, audio from the start   -
//   onFailed        -                  waiting, later      waiting, audio from the start   -
//   onWorkerDied    -, or audio given up and waiting, from any of them                      -
//   onMoved         -                  -                   opening, tell worker            -
//   onPartial       -                  -                   publish, unless said before     -
//   onFinal         -                  -                   publish, trim, next index       -
//   onAbandoned     -                  -                   publish, trim, next index       -
//   onSettled       -                  -                   trim                            -
//   onFlushSent     -                  -                   flushing                        -
//   onFlushed       -                  -                   trim; live when it was the last -
//   onAudioExpired  abandoned, once    -                   -                               -
//   onClose         closed             closed, tell worker closed, tell worker             -
//
// A worker that breaks the order of utterances (an index that is not the next) has failed. Times of messages are media
// time of the session by the time they come here.
import type { WorkerToPod } from '@parley/protocol'
import type { SpeechStreamState, StreamCommon, StreamEffect, Transition } from './speech-stream-state.ts'

export interface StreamPolicy {
  /** Setbacks in a row after which the audio at hand is taken for their cause and given up. */
  readonly maxSetbacks: number
  /** Half of the first delay before a stream with setbacks is tried again; doubles with each setback. */
  readonly retryFirstMs: number
  readonly retryMaxMs: number
}

/** What the shell knows at the instant of an event. */
export interface Instant {
  /** Monotonic. */
  readonly nowMs: number
  /** Media time of the end of the audio pushed so far. */
  readonly pushedMs: number
  /** Audio was pushed that is not settled. */
  readonly hasUnsettled: boolean
  /** Some of it was with the worker, and the worker's end was not of this pod's making: it may be the cause. */
  readonly isAudioSuspect: boolean
  /** 0.5 to 1.5, different from stream to stream: those that were lost together are not tried again together. */
  readonly spreadRatio: number
}

type Message<Type extends WorkerToPod['type']> = Extract<WorkerToPod, { type: Type }>
type Held = Extract<SpeechStreamState, { kind: 'live' | 'flushing' }>

const NO_SETBACKS = { setbacks: 0, losses: 0, suspectUntilMs: Number.POSITIVE_INFINITY } as const

const CLOSE: StreamEffect = { type: 'closeOnWorker' }

const to = (state: SpeechStreamState, ...effects: StreamEffect[]): Transition => ({ state, effects })
const stay = (state: SpeechStreamState): Transition => ({ state, effects: [] })

function common(state: SpeechStreamState): StreamCommon {
  const { nextIndex, utteranceOpen, publishedEndMs, repeating, settledMs, workerLag, adaptation } = state
  const { setbacks, losses, suspectUntilMs } = state
  const known = { nextIndex, utteranceOpen, publishedEndMs, repeating, settledMs, workerLag, adaptation }
  return { ...known, setbacks, losses, suspectUntilMs }
}

const isHeld = (state: SpeechStreamState): state is Held => state.kind === 'live' || state.kind === 'flushing'

/** A stream that has not been on a worker yet. */
export function newStreamState(
  firstIndex: number,
  nowMs: number,
  known: Pick<StreamCommon, 'settledMs' | 'adaptation'> = { settledMs: 0, adaptation: undefined },
): SpeechStreamState {
  return {
    kind: 'waiting',
    sinceMs: nowMs,
    retryAtMs: nowMs,
    lossTold: false,
    nextIndex: firstIndex,
    utteranceOpen: false,
    publishedEndMs: 0,
    repeating: false,
    ...known,
    ...NO_SETBACKS,
    workerLag: 0,
  }
}

/** True when a worker's message about its utterance `index` fits what the stream has seen. */
export function isNextIndex(state: SpeechStreamState, index: number): boolean {
  return index + state.workerLag === state.nextIndex
}

export function onAssigned(state: SpeechStreamState, nowMs: number): Transition {
  if (state.kind !== 'waiting') return stay(state)
  const { sinceMs, lossTold } = state
  return to({ ...common(state), workerLag: 0, kind: 'opening', sinceMs, lossTold, openedAtMs: nowMs })
}

export function onOpened(state: SpeechStreamState): Transition {
  if (state.kind !== 'opening') return stay(state)
  return to({ ...common(state), kind: 'live' }, { type: 'tell', state: 'ready' })
}

/** The worker has no room after all. The wait goes on from when it began. */
export function onRefused(state: SpeechStreamState, nowMs: number, retryAfterMs: number): Transition {
  if (state.kind !== 'opening') return stay(state)
  const { sinceMs, lossTold } = state
  return to(
    { ...common(state), kind: 'waiting', sinceMs, lossTold, retryAtMs: nowMs + retryAfterMs },
    { type: 'tell', state: 'waiting', reason: 'no_worker' },
  )
}

/** The session has another owner, says the worker: nobody's fault, and no worker is asked again before this pod knows better. */
export function onFenced(state: SpeechStreamState, nowMs: number, retryAfterMs: number): Transition {
  if (state.kind === 'waiting' || state.kind === 'closed') return stay(state)
  return to(toWaiting(state, nowMs, retryAfterMs), { type: 'tell', state: 'waiting', reason: 'no_worker' })
}

/**
 * The link to the worker is gone. Whether the worker is, nobody knows yet: another may take the stream, at once unless workers have died under it
 * before.
 */
export function onLost(state: SpeechStreamState, at: Instant, policy: StreamPolicy): Transition {
  if (state.kind === 'waiting' || state.kind === 'closed') return stay(state)
  const delayMs = state.setbacks < 2 ? 0 : backoffMs(state.setbacks - 1, policy) * at.spreadRatio
  const effects: StreamEffect[] = [{ type: 'tell', state: 'waiting', reason: 'worker_lost' }]
  const waiting = toWaiting(state, at.nowMs, delayMs)
  // Only audio can be the cause; a stream with nothing unsettled is merely unlucky.
  if (!at.hasUnsettled && !state.utteranceOpen) return to({ ...waiting, ...NO_SETBACKS }, ...effects)
  if (!at.isAudioSuspect) return to(waiting, ...effects)
  const suspectUntilMs = Math.min(state.suspectUntilMs, at.pushedMs)
  return to({ ...waiting, losses: state.losses + 1, suspectUntilMs }, ...effects)
}

/** A worker that the stream was cut off from has died. Without progress since, the stream's audio may be what killed it. */
export function onWorkerDied(state: SpeechStreamState, at: Instant, policy: StreamPolicy): Transition {
  if (state.kind === 'closed' || state.losses === 0) return stay(state)
  const setbacks = state.setbacks + 1
  if (setbacks < policy.maxSetbacks) return to({ ...state, losses: state.losses - 1, setbacks })
  return state.kind === 'waiting' ? giveUp(state, state, at) : giveUp(state, toWaiting(state, at.nowMs, 0), at, [CLOSE])
}

/** The worker is there, but gave this stream up, broke its rules or did not answer in time. */
export function onFailed(state: SpeechStreamState, at: Instant, policy: StreamPolicy): Transition {
  if (state.kind === 'waiting' || state.kind === 'closed') return stay(state)
  const delayMs = state.setbacks === 0 ? 0 : backoffMs(state.setbacks, policy)
  const waiting = toWaiting(state, at.nowMs, delayMs)
  const effects: StreamEffect[] = [CLOSE, { type: 'tell', state: 'waiting', reason: 'worker_lost' }]
  if (!at.hasUnsettled && !state.utteranceOpen) return to({ ...waiting, ...NO_SETBACKS }, ...effects)
  const setbacks = state.setbacks + 1
  const suspectUntilMs = Math.min(state.suspectUntilMs, at.pushedMs)
  if (setbacks < policy.maxSetbacks) return to({ ...waiting, setbacks, suspectUntilMs }, ...effects)
  return giveUp(state, waiting, at, effects)
}

/** Another worker takes the stream over while this one still could go on: everything unsettled is recognised there. */
export function onMoved(state: SpeechStreamState, nowMs: number): Transition {
  if (!isHeld(state)) return stay(state)
  const { utteranceOpen: repeating } = state
  return to(
    { ...common(state), repeating, workerLag: 0, kind: 'opening', sinceMs: nowMs, lossTold: false, openedAtMs: nowMs },
    { type: 'closeOnWorker' },
  )
}

export function onPartial(before: SpeechStreamState, message: Message<'partial'>): Transition {
  if (!isHeld(before)) return stay(before)
  const state = cleared(before, message.endMs)
  const { text, stable, startMs, endMs } = message
  if (state.repeating && endMs <= state.publishedEndMs) return stay(state)
  return to(
    { ...state, utteranceOpen: true, publishedEndMs: endMs, repeating: false },
    { type: 'publishPartial', index: state.nextIndex, text, stable, startMs, endMs },
  )
}

/** The words of a final, in another media time. */
export function wordsMoved(message: Message<'final'>, byMs: number): Message<'final'> {
  if (!message.words || byMs === 0) return message
  const words = message.words.map((word) => ({ ...word, startMs: word.startMs + byMs, endMs: word.endMs + byMs }))
  return { ...message, words }
}

export function onFinal(state: SpeechStreamState, message: Message<'final'>): Transition {
  if (!isHeld(state)) return stay(state)
  const { text, startMs, endMs, settledMs, decideMs, words } = message
  return to(
    { ...afterUtterance(state, settledMs), adaptation: message.adaptation ?? state.adaptation },
    { type: 'publishFinal', index: state.nextIndex, text, startMs, endMs, decideMs, ...(words ? { words } : {}) },
    { type: 'trim' },
  )
}

export function onAbandoned(state: SpeechStreamState, message: Message<'abandoned'>): Transition {
  if (!isHeld(state)) return stay(state)
  return to(
    afterUtterance(state, message.settledMs),
    { type: 'publishAbandoned', index: state.nextIndex, reason: message.reason },
    { type: 'trim' },
  )
}

export function onSettled(state: SpeechStreamState, settledMs: number): Transition {
  if (!isHeld(state) || settledMs <= state.settledMs) return stay(state)
  // Audio that is recognised again may begin with silence before the utterance that was open.
  if (state.utteranceOpen && settledMs < state.publishedEndMs) {
    return to({ ...state, settledMs, ...NO_SETBACKS }, { type: 'trim' })
  }
  return settleAll(state, settledMs)
}

export function onFlushSent(state: SpeechStreamState): Transition {
  return state.kind === 'live' ? to({ ...common(state), kind: 'flushing' }) : stay(state)
}

/** A flush was answered; `unanswered` others have been sent and are still out. */
export function onFlushed(state: SpeechStreamState, settledMs: number, unanswered: number): Transition {
  if (!isHeld(state)) return stay(state)
  const { state: settled, effects } = settleAll(state, Math.max(settledMs, state.settledMs))
  return unanswered > 0 ? { state: settled, effects } : { state: { ...common(settled), kind: 'live' }, effects }
}

/** Audio up to `lostUntilMs` of media time found no worker in time and was dropped. */
export function onAudioExpired(state: SpeechStreamState, lostUntilMs: number): Transition {
  if (state.kind !== 'waiting') return stay(state)
  const settledMs = Math.max(state.settledMs, lostUntilMs)
  if (state.lossTold) return to({ ...state, settledMs })
  return to({ ...state, ...nextUtterance(state), settledMs, lossTold: true }, abandonedNoWorker(state))
}

export function onClose(state: SpeechStreamState): Transition {
  if (state.kind === 'closed') return stay(state)
  const closed = { ...common(state), kind: 'closed' } as const
  return state.kind === 'waiting' ? to(closed) : to(closed, { type: 'closeOnWorker' })
}

const abandonedNoWorker = (state: SpeechStreamState): StreamEffect => ({
  type: 'publishAbandoned',
  index: state.nextIndex,
  reason: 'no_worker',
})

/** A worker that answers past what others were lost over has lived through it: the audio is not to blame. */
function cleared(state: Held, answeredMs: number): Held {
  return answeredMs < state.suspectUntilMs ? state : { ...state, ...NO_SETBACKS }
}

function nextUtterance(state: SpeechStreamState) {
  return { nextIndex: state.nextIndex + 1, utteranceOpen: false, publishedEndMs: 0, repeating: false }
}

function afterUtterance(state: Held, settledMs: number): Held {
  return { ...state, ...nextUtterance(state), settledMs: Math.max(state.settledMs, settledMs), ...NO_SETBACKS }
}

/**
 * The worker holds no open utterance. If captions of one were published, its speech was not found again when the audio
 * was recognised a second time: it ends as abandoned, and the worker does not know of its index.
 */
function settleAll(state: Held, settledMs: number): Transition {
  if (!state.utteranceOpen) return to({ ...state, settledMs, ...NO_SETBACKS }, { type: 'trim' })
  return to(
    { ...afterUtterance(state, settledMs), workerLag: state.workerLag + 1 },
    { type: 'publishAbandoned', index: state.nextIndex, reason: 'no_speech' },
    { type: 'trim' },
  )
}

function backoffMs(setbacks: number, { retryFirstMs, retryMaxMs }: StreamPolicy): number {
  return Math.min(retryMaxMs, retryFirstMs * 2 ** setbacks)
}

/** Off its worker; a wait that had not ended yet goes on from when it began. */
function toWaiting(
  state: Extract<SpeechStreamState, { kind: 'opening' | 'live' | 'flushing' }>,
  nowMs: number,
  delayMs: number,
) {
  const { sinceMs, lossTold } = state.kind === 'opening' ? state : { sinceMs: nowMs, lossTold: false }
  const repeating = state.utteranceOpen
  return { ...common(state), repeating, kind: 'waiting', sinceMs, lossTold, retryAtMs: nowMs + delayMs } as const
}

/** The audio at hand is taken for the cause of it all: it is never sent again. */
function giveUp(
  state: SpeechStreamState,
  waiting: Extract<SpeechStreamState, { kind: 'waiting' }>,
  at: Instant,
  first: readonly StreamEffect[] = [],
): Transition {
  const settledMs = Math.max(state.settledMs, at.pushedMs)
  return to({ ...waiting, ...nextUtterance(state), settledMs, ...NO_SETBACKS }, ...first, abandonedNoWorker(state), {
    type: 'giveUpAudio',
  })
}
