// What one stream tells its session: effects of the transitions as calls of the listener, in the client's samples and the pod's clock.
import { assertNever, type Clock } from '@parley/kernel'
import type { KeptAudio } from './kept-audio.ts'
import type { SpeechListener } from './speech-port.ts'
import type { StreamEffect } from './speech-stream-state.ts'

export type ReportEffect = Exclude<StreamEffect, { type: 'closeOnWorker' | 'trim' | 'giveUpAudio' }>

export class StreamReporter {
  readonly #clock: Clock
  readonly #kept: KeptAudio
  readonly #samplesPerMs: number
  readonly #listener: SpeechListener
  #told: 'ready' | 'waiting' | undefined
  #settledTold = 0

  constructor(clock: Clock, kept: KeptAudio, samplesPerMs: number, listener: SpeechListener) {
    this.#clock = clock
    this.#kept = kept
    this.#samplesPerMs = samplesPerMs
    this.#listener = listener
  }

  report(effect: ReportEffect): void {
    switch (effect.type) {
      case 'publishPartial': {
        const { index, text, stable, startMs, endMs } = effect
        this.#listener.onPartial({ index, text, stable, startMs, endMs })
        return
      }
      case 'publishFinal': {
        const { index, text, startMs, endMs, decideMs, words } = effect
        const finalAtMs = this.#clock.wallMs()
        const receivedAtMs = this.#kept.receivedAtMs(endMs * this.#samplesPerMs) ?? finalAtMs
        const marks = { receivedAtMs, endOfSpeechMs: finalAtMs - decideMs, finalAtMs }
        this.#listener.onFinal({ index, text, startMs, endMs, marks, ...(words ? { words } : {}) })
        return
      }
      case 'publishAbandoned':
        this.#listener.onAbandoned({ index: effect.index, reason: effect.reason })
        return
      case 'tell':
        if (this.#told === effect.state) return
        this.#told = effect.state
        this.#listener.onState(effect.state, effect.reason)
        return
      default:
        assertNever(effect)
    }
  }

  /** In samples of the client: the only place where one becomes the other. Rises; never beyond what came. */
  settled(settledMs: number): void {
    if (settledMs === 0) return
    const media = Math.min(this.#kept.endMedia, Math.round(settledMs * this.#samplesPerMs))
    if (media <= this.#settledTold) return
    this.#settledTold = media
    this.#listener.onSettled(media)
  }

  flushed(flushId: number): void {
    this.#listener.onFlushed(flushId)
  }
}
