// Where recognition meets sessions, on the way out: what the speech port says of one stream becomes events of one session's feed.
// One object per session; nothing is kept here.
import type { AbandonReason } from '@parley/protocol'
import type { CaptionSink, FinalCaption, PartialCaption, SpeechState } from '@parley/sessions'
import type { SpeechListener } from '../speech/speech-port.ts'

export class CaptionsToOutbox implements SpeechListener {
  readonly #captions: CaptionSink

  constructor(captions: CaptionSink) {
    this.#captions = captions
  }

  onPartial(partial: PartialCaption): void {
    this.#captions.partial(partial)
  }
  onFinal(final: FinalCaption): void {
    this.#captions.final(final)
  }
  onAbandoned(abandoned: { readonly index: number; readonly reason: AbandonReason }): void {
    this.#captions.abandoned(abandoned.index, abandoned.reason)
  }
  onFlushed(flushId: number): void {
    this.#captions.flushed(flushId)
  }
  onSettled(mediaTime: number): void {
    this.#captions.settled(mediaTime)
  }
  onState(state: SpeechState, reason?: 'worker_lost' | 'no_worker'): void {
    this.#captions.speechState(state, reason)
  }
}
