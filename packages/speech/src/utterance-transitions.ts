// The life of one utterance as pure decisions: state and event in, next state and what the listener is told out (UT1, UT2).
// Owns no audio, no clock and no words beyond the ones that pass through.
import type { AbandonReason, AdaptationState, RecognisedWord } from '@parley/protocol'
import type { RecognisedFinal, RecognisedPartial, RecognitionListener } from './recogniser.ts'
import type { EndedUtterance, OpenUtterance, SettledUtterance, UtteranceState } from './utterance-state.ts'

/*
 *  state    event        next      told
 *  -------  -----------  --------  -------------------------------------------------
 *  open     hypothesis   open      partial, unless it has no words
 *  open     speechEnded  ended     -
 *  open     abandon      settled   abandoned{reason}
 *  ended    recognised   settled   final, or abandoned{no_speech} when it has no words
 *  ended    abandon      settled   abandoned{reason}
 *  anything else is a mistake of the caller and throws
 */
export type UtteranceEvent =
  | { readonly type: 'hypothesis'; readonly text: string; readonly stable: number; readonly endMs: number }
  /** `endMs`: end of the last speech frame; `atMs`: the clock's time of the decision. */
  | { readonly type: 'speechEnded'; readonly endMs: number; readonly atMs: number }
  | {
      readonly type: 'recognised'
      readonly text: string
      readonly settledMs: number
      readonly atMs: number
      readonly adaptation?: AdaptationState
      readonly words?: readonly RecognisedWord[]
    }
  | { readonly type: 'abandon'; readonly reason: AbandonReason; readonly settledMs: number }

export type UtteranceReport =
  | ({ readonly type: 'partial' } & RecognisedPartial)
  | ({ readonly type: 'final' } & RecognisedFinal)
  | {
      readonly type: 'abandoned'
      readonly index: number
      readonly reason: AbandonReason
      readonly settledMs: number
    }

export interface UtteranceStep<State extends UtteranceState = UtteranceState> {
  readonly state: State
  readonly report?: UtteranceReport
}

export function openUtterance(index: number, startMs: number): OpenUtterance {
  return { kind: 'open', index, startMs }
}

/** Throws on an event the state does not know: an utterance that could settle twice would break UT1. */
export function advanceUtterance(state: UtteranceState, event: UtteranceEvent): UtteranceStep {
  switch (state.kind) {
    case 'open':
      if (event.type === 'hypothesis') return hypothesis(state, event)
      if (event.type === 'speechEnded') {
        const { index, startMs } = state
        return { state: { kind: 'ended', index, startMs, endMs: event.endMs, endedAtMs: event.atMs } }
      }
      if (event.type === 'abandon') return abandon(state, event.reason, event.settledMs)
      break
    case 'ended':
      if (event.type === 'recognised') return recognised(state, event)
      if (event.type === 'abandon') return abandon(state, event.reason, event.settledMs)
      break
    case 'settled':
      break
  }
  throw new Error(`utterance ${state.index} is ${state.kind}: ${event.type} cannot happen to it`)
}

/** Tells `listener` what a step reported. */
export function deliver(report: UtteranceReport | undefined, listener: RecognitionListener): void {
  if (!report) return
  const { type, ...payload } = report
  if (type === 'partial') listener.onPartial(payload as RecognisedPartial)
  else if (type === 'final') listener.onFinal(payload as RecognisedFinal)
  else listener.onAbandoned(payload as Omit<Extract<UtteranceReport, { type: 'abandoned' }>, 'type'>)
}

function hypothesis(state: OpenUtterance, event: Extract<UtteranceEvent, { type: 'hypothesis' }>): UtteranceStep {
  if (event.text === '') return { state }
  const { index, startMs } = state
  const { text, stable, endMs } = event
  return { state, report: { type: 'partial', index, text, stable, startMs, endMs } }
}

function recognised(state: EndedUtterance, event: Extract<UtteranceEvent, { type: 'recognised' }>): UtteranceStep {
  if (event.text === '') return abandon(state, 'no_speech', event.settledMs)
  const { index, startMs, endMs } = state
  const { text, settledMs, adaptation, words } = event
  const decideMs = Math.max(0, event.atMs - state.endedAtMs)
  return {
    state: settled(state, 'final'),
    report: {
      type: 'final',
      index,
      text,
      startMs,
      endMs,
      settledMs,
      decideMs,
      ...(adaptation ? { adaptation } : {}),
      ...(words ? { words } : {}),
    },
  }
}

function abandon(state: UtteranceState, reason: AbandonReason, settledMs: number): UtteranceStep<SettledUtterance> {
  return { state: settled(state, reason), report: { type: 'abandoned', index: state.index, reason, settledMs } }
}

function settled(state: UtteranceState, outcome: SettledUtterance['outcome']): SettledUtterance {
  return { kind: 'settled', index: state.index, startMs: state.startMs, outcome }
}
