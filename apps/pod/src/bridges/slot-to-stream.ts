// Where sessions meet recognition, on the way in: the slot a session was admitted with becomes the stream it speaks to.
import type { AudioSink, CaptionSink, HeldSlot, OpenAudio } from '@parley/sessions'
import type { SlotReservation, SpeechPort } from '../speech/speech-port.ts'
import { CaptionsToOutbox } from './captions-to-outbox.ts'

export class SlotToStream implements HeldSlot {
  readonly #speech: SpeechPort
  readonly #reservation: SlotReservation

  constructor(speech: SpeechPort, reservation: SlotReservation) {
    this.#speech = speech
    this.#reservation = reservation
  }

  open(options: OpenAudio, captions: CaptionSink): AudioSink {
    return this.#speech.open(this.#reservation, options, new CaptionsToOutbox(captions))
  }
  release(): void {
    this.#reservation.release()
  }
}
