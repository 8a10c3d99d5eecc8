// The client library's errors, states and captions in the page's own terms. Pure.
import { type CaptureProblem, type ConnectionState, isOver, ParleyClientError } from '@parley/client/browser'
import type { AudioFormat, UtteranceId } from '@parley/protocol'
import type { MicrophoneProblem, Trouble } from './caption-client.ts'

const MICROPHONE_PROBLEM_OF: Readonly<Record<CaptureProblem, MicrophoneProblem>> = {
  'no-microphone': 'none',
  denied: 'denied',
  'insecure-context': 'insecure',
  'in-use': 'in_use',
  'not-supported': 'unsupported',
}

export function troubleOfCapture(problem: CaptureProblem): Trouble {
  return { kind: 'microphone', problem: MICROPHONE_PROBLEM_OF[problem] }
}

export function troubleOfError(thrown: unknown): Trouble {
  if (!(thrown instanceof ParleyClientError)) {
    return { kind: 'refused', code: 'INTERNAL', message: thrown instanceof Error ? thrown.message : String(thrown) }
  }
  if (thrown.code === 'CONNECT_FAILED') return { kind: 'unreachable' }
  if (thrown.code === 'CONNECTION_LOST') return { kind: 'lost' }
  const { code, detail: message, retryAfterMs, allowed } = thrown
  return {
    kind: 'refused',
    code,
    message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(allowed === undefined ? {} : { allowed }),
  }
}

/** Why a connection that is over ended; undefined while it is not, and when the page itself said goodbye. */
export function troubleOfState(state: ConnectionState): Trouble | undefined {
  if (!isOver(state)) return undefined
  if (state.kind === 'lost') return troubleOfError(state.error)
  if (state.reason === 'client_left') return undefined
  // `refused` only says that an error came before: that one has the words.
  if (state.reason === 'refused' && state.error) return troubleOfError(state.error)
  return { kind: 'closed', reason: state.reason }
}

/** "1.0": unique within a session. */
export function utteranceKey(utterance: UtteranceId): string {
  return `${utterance.epoch}.${utterance.index}`
}

const CODEC_NAMES = { pcm16: 'PCM', opus: 'Opus', lc3: 'LC3' } as const

/** "Opus, 48 kHz" */
export function formatText(format: AudioFormat): string {
  return `${CODEC_NAMES[format.codec]}, ${format.sampleRateHz / 1000} kHz`
}
