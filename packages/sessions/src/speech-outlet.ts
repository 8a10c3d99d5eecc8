// Where a speech goes: to the owner who asked for it, as speak.started, frames, and how it ended.
import type { ParleyError } from '@parley/protocol'
import { errorMessage } from '@parley/protocol'
import { encodeServer } from './encode.ts'
import type { SessionChannel, SpeechStart } from './ports.ts'
import { countUp, type SessionCounters } from './session-counters.ts'

export type SpeechOutcome =
  | { readonly kind: 'ended'; readonly samples: number }
  /** `samples`: those that were sent. */
  | { readonly kind: 'cancelled'; readonly samples: number }
  | { readonly kind: 'failed'; readonly samples: number; readonly error: ParleyError }

export interface SpeechOutlet {
  /** False: it is not taken now, and is the speaker's still. */
  frame(message: Buffer): boolean
  /** Before the first frame. */
  started(requestId: string, speech: number, start: SpeechStart): void
  /** Behind the last frame; also of one that never started. */
  over(requestId: string, outcome: SpeechOutcome): void
}

/** Numbers of the speeches of one session, in their frames: one count for all of them. */
export interface SpeechNumbers {
  next: number
}

export class OwnerOutlet implements SpeechOutlet {
  readonly #channel: SessionChannel
  readonly #counters: SessionCounters

  constructor(channel: SessionChannel, counters: SessionCounters) {
    this.#channel = channel
    this.#counters = counters
  }

  frame(message: Buffer): boolean {
    return this.#channel.speech(message)
  }

  started(requestId: string, speech: number, { sampleRateHz, voice, language }: SpeechStart): void {
    this.#channel.keep(encodeServer({ type: 'speak.started', requestId, speech, sampleRateHz, voice, language }))
  }

  over(requestId: string, outcome: SpeechOutcome): void {
    if (outcome.kind !== 'failed') {
      this.#channel.keep(encodeServer({ type: `speak.${outcome.kind}`, requestId, samples: outcome.samples }))
      return
    }
    const { code, details, message } = outcome.error
    countUp(this.#counters.errorsTotal, code)
    this.#channel.keep(encodeServer(errorMessage(code, { ...details, message, requestId })))
  }
}
