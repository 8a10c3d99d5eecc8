// The connection state in words: a short label for the eye, a sentence for those who listen. Pure.
import type { CaptionState } from './caption-state.ts'
import { isEndOfWatching, troubleWords } from './trouble-words.ts'

/** Chosen shape and colour; the words never depend on it alone. */
export type Tone = 'calm' | 'busy' | 'live' | 'waiting' | 'trouble'

export interface Status {
  readonly label: string
  readonly tone: Tone
  /** What a person may want to know or do now; shown beside the transcript. */
  readonly hint: string | undefined
}

const status = (label: string, tone: Tone, hint?: string): Status => ({ label, tone, hint })

export function statusOf(state: CaptionState): Status {
  const { phase } = state
  switch (phase.kind) {
    case 'idle':
      return state.role === 'watcher' ? status('Connecting', 'busy') : status('Ready', 'calm')
    case 'preparing':
      if (state.role === 'watcher') return status('Connecting', 'busy')
      return state.source === 'sample'
        ? status('Loading the sample', 'busy')
        : status(
            'Waiting for the microphone',
            'busy',
            'Your browser may ask whether this page may listen. Choose Allow.',
          )
    case 'connecting':
      return status('Connecting', 'busy')
    case 'live':
      return liveStatus(state, phase.speech)
    case 'reconnecting':
      return status('Connection lost, trying again', 'waiting', reconnectingHint(state, phase.keptMs))
    case 'finishing':
      return status('Finishing the last words', 'busy')
    case 'retrying':
      return status(troubleWords(phase.trouble, state.role).title, 'waiting')
    case 'ended':
      return endedStatus(state)
  }
}

function liveStatus(state: CaptionState, speech: 'ready' | 'waiting'): Status {
  if (speech === 'waiting') {
    const hint =
      state.role === 'owner'
        ? 'Go on: what you say is kept and captioned when it is back.'
        : 'Captions go on when it is back.'
    return status('Speech engine waiting', 'waiting', hint)
  }
  if (state.role === 'watcher') return status('Following live', 'live')
  if (state.source === 'sample') return status('Playing the sample', 'live')
  if (state.isMuted) return status('Muted', 'calm', 'Nothing of what you say is sent. Choose Unmute to go on.')
  if (state.isQuiet) {
    return status('Listening, but it is silent', 'waiting', 'No sound comes from the microphone. Is it muted?')
  }
  return status('Listening', 'live')
}

function reconnectingHint(state: CaptionState, keptMs: number | undefined): string {
  if (state.role === 'watcher') return 'Captions go on here by themselves when it is back.'
  if (keptMs === undefined || state.isMuted) return 'Captions go on by themselves when it is back.'
  const kept = `up to ${Math.round(keptMs / 1000)} seconds`
  if (state.source === 'sample') return `The sample goes on: ${kept} of it are kept and captioned when it is back.`
  return `Go on speaking: ${kept} are kept and captioned when it is back.`
}

/** How much of the speech that can be kept is used since the connection broke: "12 of 60 s kept". */
export function keptText(sinceMs: number, keptMs: number, nowMs: number): string {
  const total = Math.round(keptMs / 1000)
  const used = Math.min(total, Math.floor(Math.max(0, nowMs - sinceMs) / 1000))
  return `${used} of ${total} s kept`
}

/** What is told when the connection stands again. `isMoved`: another pod has the session now. */
export function resumedText(resentMs: number, lostMs: number, isMoved = false): string {
  const again = isMoved ? 'Another part of the platform has taken over.' : 'Connected again.'
  if (lostMs > 0) return `${again} ${secondsText(lostMs)} of speech were too much to keep and are missing.`
  if (resentMs < NOTABLE_MS) return `${again} Nothing was lost.`
  return `${again} ${secondsText(resentMs)} of speech are being captioned.`
}

/** Less than this nobody would look for. */
const NOTABLE_MS = 1_000
const secondsText = (ms: number): string =>
  `${Math.max(1, Math.round(ms / 1000))} ${Math.round(ms / 1000) <= 1 ? 'second' : 'seconds'}`

export function missedText(count: number): string {
  return count === 1 ? 'One line could not be had any more.' : `${count} lines could not be had any more.`
}

function endedStatus(state: CaptionState): Status {
  const trouble = state.phase.kind === 'ended' ? state.phase.trouble : undefined
  if (trouble === undefined) return status(state.role === 'watcher' ? 'The captions have ended' : 'Stopped', 'calm')
  const isWanted = state.role === 'watcher' && isEndOfWatching(trouble)
  return status(troubleWords(trouble, state.role).title, isWanted ? 'calm' : 'trouble')
}

/** Lag of a final as people read it: "0.4 s". */
export function lagText(lagMs: number): string {
  return `${(Math.max(0, lagMs) / 1000).toFixed(1)} s`
}

/** Whole seconds left until `atMs`, never below 0. */
export function secondsLeft(atMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((atMs - nowMs) / 1000))
}

export function watchersText(count: number): string {
  if (count === 0) return 'Nobody is watching'
  return count === 1 ? '1 person is watching' : `${count} people are watching`
}
