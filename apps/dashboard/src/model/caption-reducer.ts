// What may happen to the page's state: one pure function, no clock, no I/O.
import type { CaptionEvent, RunEvent } from '../caption-client.ts'
import {
  type CaptionAction,
  type CaptionState,
  isRunning,
  isSpeaking,
  MAX_ANNOUNCED,
  MAX_OPEN,
  type OpenCaption,
} from './caption-state.ts'
import { appendLine, appendMark, changeLine, EMPTY_TRANSCRIPT, type Translated, withTranslated } from './transcript.ts'

export function captionReducer(state: CaptionState, action: CaptionAction): CaptionState {
  switch (action.type) {
    case 'starting':
      return starting(state, action)
    case 'run':
      return isRunning(state.phase) ? onRunEvent(state, action.event, action.nowMs) : state
    case 'retrying':
      return {
        ...afterRun(state),
        phase: { kind: 'retrying', trouble: action.trouble, retryAtMs: action.retryAtMs },
      }
    case 'stopping':
      if (isSpeaking(state.phase)) return finishing(state)
      return { ...afterRun(state), phase: { kind: 'ended', trouble: undefined } }
    case 'wish':
      return { ...state, wish: action.wish, hearing: action.wish.hear === undefined ? undefined : state.hearing }
    case 'quiet':
      return state.isQuiet === action.isQuiet || state.phase.kind !== 'live'
        ? state
        : { ...state, isQuiet: action.isQuiet }
    case 'muted':
      if (!isSpeaking(state.phase) || state.source !== 'microphone') return state
      return { ...state, isMuted: action.isMuted, isQuiet: false }
    case 'share':
      return { ...state, share: action.share }
    case 'notice':
      return { ...state, notice: { id: (state.notice?.id ?? 0) + 1, text: action.text } }
    case 'notice.over':
      return state.notice?.id === action.id ? { ...state, notice: undefined } : state
    case 'clear':
      if (isRunning(state.phase)) return state
      return {
        ...state,
        phase: { kind: 'idle' },
        transcript: EMPTY_TRANSCRIPT,
        open: [],
        announced: [],
        lagMs: undefined,
      }
  }
}

function starting(state: CaptionState, action: Extract<CaptionAction, { type: 'starting' }>): CaptionState {
  const isRetry = state.phase.kind === 'retrying'
  const runNumber = isRetry ? state.runNumber : state.runNumber + 1
  const mark = { kind: 'mark' as const, key: `mark-${runNumber}`, startedAtMs: action.wallMs }
  return {
    ...afterRun(state),
    phase: { kind: 'preparing' },
    source: action.source,
    runNumber,
    codec: undefined,
    lagMs: undefined,
    transcript: state.role === 'watcher' ? state.transcript : appendMark(state.transcript, mark),
    share: { kind: 'none' },
  }
}

function onRunEvent(state: CaptionState, event: RunEvent, nowMs: number): CaptionState {
  switch (event.type) {
    case 'connecting':
      return state.phase.kind === 'preparing' ? { ...state, phase: { kind: 'connecting' } } : state
    case 'welcome':
      return {
        ...state,
        phase: { kind: 'live', speech: event.speech },
        sessionId: event.sessionId,
        language: event.language,
        codec: event.codec,
        targets: event.targets,
        liveSinceMs: nowMs,
      }
    case 'caption':
      return event.kind === 'final' ? onFinal(state, event) : onPartial(state, event)
    case 'abandoned':
      return { ...state, open: without(state.open, keyOf(state, event.utterance)) }
    case 'translation':
      return onTranslation(state, event)
    case 'translation.failed':
      return translated(state, event.utterance, { language: event.language, text: '', state: 'failed' })
    case 'mended':
      return {
        ...state,
        transcript: changeLine(state.transcript, keyOf(state, event.utterance), (line) => ({
          ...line,
          mended: event.text,
        })),
      }
    case 'wish':
      return { ...state, unavailable: event.unavailable, via: event.via }
    case 'hearing':
      return { ...state, hearing: event.language }
    case 'speech':
      return state.phase.kind === 'live' ? { ...state, phase: { kind: 'live', speech: event.state } } : state
    case 'reconnecting':
      if (state.phase.kind !== 'live') return state
      return {
        ...state,
        phase: { kind: 'reconnecting', sinceMs: nowMs, keptMs: event.keptMs },
        isQuiet: false,
        warning: undefined,
      }
    case 'resumed':
      return state.phase.kind === 'reconnecting' ? { ...state, phase: { kind: 'live', speech: 'ready' } } : state
    case 'missed':
      return state
    case 'watchers':
      return { ...state, watchers: event.count }
    case 'level':
      return state
    case 'trouble':
      return { ...state, warning: event.trouble }
    case 'finishing':
      return isSpeaking(state.phase) ? finishing(state) : state
    case 'ended':
      return { ...afterRun(state), phase: { kind: 'ended', trouble: event.trouble } }
  }
}

function finishing(state: CaptionState): CaptionState {
  return { ...state, phase: { kind: 'finishing' }, isQuiet: false, isMuted: false }
}

function onPartial(state: CaptionState, event: CaptionEvent): CaptionState {
  const key = keyOf(state, event.utterance)
  const known = state.open.findIndex((open) => open.key === key)
  const translations = state.open[known]?.translations ?? []
  const caption: OpenCaption = { key, text: event.text, stable: event.stable, startMs: event.startMs, translations }
  // Another utterance may begin before the one before it has its final; more than a few at once is a fault of the pod.
  const open = known === -1 ? [...state.open, caption].slice(-MAX_OPEN) : state.open.with(known, caption)
  return { ...state, open }
}

function onFinal(state: CaptionState, event: CaptionEvent): CaptionState {
  const key = keyOf(state, event.utterance)
  // What was translated of it while it was open stands until its own translation comes.
  const translations = state.open.find((open) => open.key === key)?.translations ?? []
  const line = { kind: 'line' as const, key, text: event.text, startMs: event.startMs, translations }
  const transcript = appendLine(state.transcript, line)
  const isAnnounced = transcript !== state.transcript && !event.isHistory && readAloudIn(state) === undefined
  const announced = isAnnounced
    ? [...state.announced, { key, text: event.text }].slice(-MAX_ANNOUNCED)
    : state.announced
  return {
    ...state,
    transcript,
    announced,
    open: without(state.open, key),
    lagMs: event.lagMs ?? state.lagMs,
    warning: undefined,
  }
}

/** The language that assistive technology reads: who follows in another language does not want every line twice. */
function readAloudIn({ role, wish }: CaptionState): string | undefined {
  return role === 'watcher' ? wish.translateTo[0] : undefined
}

function onTranslation(state: CaptionState, event: Extract<RunEvent, { type: 'translation' }>): CaptionState {
  const { utterance, language, text, kind } = event
  const next = translated(state, utterance, { language, text, state: kind === 'final' ? 'final' : 'open' })
  const isAnnounced = kind === 'final' && !event.isHistory && next !== state && readAloudIn(state) === language
  if (!isAnnounced) return next
  const key = `${keyOf(state, utterance)}/${language}`
  return { ...next, announced: [...next.announced, { key, text, language }].slice(-MAX_ANNOUNCED) }
}

/** Puts a translation where its utterance is: among the open ones or in the transcript. */
function translated(state: CaptionState, utterance: string, next: Translated): CaptionState {
  const key = keyOf(state, utterance)
  const at = state.open.findIndex((caption) => caption.key === key)
  const caption = state.open[at]
  if (caption) {
    const translations = withTranslated(caption.translations, next)
    return translations === caption.translations
      ? state
      : { ...state, open: state.open.with(at, { ...caption, translations }) }
  }
  const transcript = changeLine(state.transcript, key, (line) => {
    const translations = withTranslated(line.translations, next)
    return translations === line.translations ? line : { ...line, translations }
  })
  return transcript === state.transcript ? state : { ...state, transcript }
}

/** What a run leaves behind: its finals, never its partials (UT2). */
function afterRun(state: CaptionState): CaptionState {
  return {
    ...state,
    open: [],
    watchers: 0,
    isMuted: false,
    isQuiet: false,
    warning: undefined,
    liveSinceMs: undefined,
    targets: undefined,
    unavailable: [],
    hearing: undefined,
    share: { kind: 'none' },
  }
}

function keyOf(state: CaptionState, utterance: string): string {
  return `${state.sessionId ?? state.runNumber}/${utterance}`
}

function without(open: readonly OpenCaption[], key: string): readonly OpenCaption[] {
  return open.some((caption) => caption.key === key) ? open.filter((caption) => caption.key !== key) : open
}
