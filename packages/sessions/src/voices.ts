// Finals of one session said in the languages somebody wants to hear: one after the other in each language, encoded once, the same
// bytes for everybody. What waits is bounded in time: who speaks faster than the voice loses the oldest. Nothing waits for a
// hearer, and captions wait for nothing of it. Owns no timer.
import { AUDIO_FRAME_HEADER_BYTES, type UtteranceId, type VoiceEnded, type VoiceStarted } from '@parley/protocol'
import type { Audience } from './audience.ts'
import { encodeServer } from './encode.ts'
import type { SpeechSource, SpeechStart } from './ports.ts'
import { countUp, type SessionCounters } from './session-counters.ts'
import { Speaker } from './speaker.ts'
import type { SpeechNumbers, SpeechOutcome, SpeechOutlet } from './speech-outlet.ts'
import { VoiceHearer } from './voice-hearer.ts'

/** Finals that wait to be said may take so long, estimated; one may in any case. */
export const MAX_VOICE_WAITING_MS = 10_000
/** What one character takes to be said, about: voices say fifteen in a second. */
export const VOICE_CHAR_MS = 65

export interface VoicesHost {
  readonly source: SpeechSource
  readonly counters: SessionCounters
  readonly numbers: SpeechNumbers
  readonly audience: Audience
  nowMs(): number
}

interface Line {
  readonly requestId: string
  readonly utterance: UtteranceId
  readonly text: string
  readonly estimateMs: number
}

export class Voices {
  readonly #host: VoicesHost
  readonly #lanes = new Map<string, VoiceLane>()

  constructor(host: VoicesHost) {
    this.#host = host
  }

  /** Languages that are said, or were until now. */
  get size(): number {
    return this.#lanes.size
  }

  /** Says a final, if anybody who is here wants to hear the language. */
  say(language: string, utterance: UtteranceId, text: string): void {
    if (text.trim() === '' || this.#host.audience.hearers(language).length === 0) return
    let lane = this.#lanes.get(language)
    if (!lane) {
      lane = new VoiceLane(language, this.#host)
      this.#lanes.set(language, lane)
    }
    lane.say(utterance, text)
  }

  /** Who is here, or what they want to hear, may have changed. */
  rewant(): void {
    for (const [language, lane] of this.#lanes) {
      lane.rewant()
      if (lane.isDone) this.#lanes.delete(language)
    }
  }

  tick(): void {
    for (const lane of this.#lanes.values()) lane.tick()
  }

  /** Ends everything without a word. */
  close(): void {
    for (const lane of this.#lanes.values()) lane.close()
    this.#lanes.clear()
  }
}

/** One language. */
class VoiceLane implements SpeechOutlet {
  readonly #language: string
  readonly #host: VoicesHost
  readonly #speaker: Speaker
  readonly #hearers = new Map<VoiceHearer['channel'], VoiceHearer>()
  #waiting: Line[] = []
  #current: Line | undefined
  /** Of the one that is said, once it has started. */
  #speech: number | undefined
  #saidSamples = 0
  #lines = 0

  constructor(language: string, host: VoicesHost) {
    this.#language = language
    this.#host = host
    const { source, counters, numbers } = host
    this.#speaker = new Speaker({ source, counters, totals: counters.voicesTotal, numbers, nowMs: () => host.nowMs() })
    this.#speaker.attach(this)
  }

  /** Nobody hears it and nothing is said. */
  get isDone(): boolean {
    return this.#hearers.size === 0 && this.#current === undefined
  }

  say(utterance: UtteranceId, text: string): void {
    const requestId = `voice-${this.#lines++}`
    this.#waiting.push({ requestId, utterance, text, estimateMs: text.length * VOICE_CHAR_MS })
    while (this.#waiting.length > 1 && this.#waitingMs() > MAX_VOICE_WAITING_MS) this.#skipOldest()
    this.#next()
  }

  rewant(): void {
    const { audience } = this.#host
    for (const hearer of this.#hearers.values()) {
      if (!audience.hears(hearer.channel, this.#language)) this.#leave(hearer)
    }
    if (audience.hearers(this.#language).length > 0) return
    this.#waiting = []
    if (this.#current) this.#speaker.cancel(this.#current.requestId)
  }

  tick(): void {
    this.#speaker.tick()
    for (const hearer of this.#hearers.values()) hearer.drain()
  }

  close(): void {
    this.#waiting = []
    this.#speaker.close()
    this.#current = undefined
    this.#hearers.clear()
  }

  // ---- what is said ----

  frame(message: Buffer): boolean {
    this.#saidSamples += (message.length - AUDIO_FRAME_HEADER_BYTES) / 2
    for (const hearer of this.#hearers.values()) if (hearer.speech === this.#speech) hearer.frame(message)
    return true
  }

  /** Who is here now hears it from its beginning; who comes later hears the next. */
  started(_requestId: string, speech: number, { sampleRateHz, voice }: SpeechStart): void {
    const line = this.#current
    if (!line) return
    this.#speech = speech
    this.#saidSamples = 0
    const { utterance } = line
    const started: VoiceStarted = {
      type: 'voice.started',
      speech,
      utterance,
      language: this.#language,
      sampleRateHz,
      voice,
    }
    const message = encodeServer(started)
    for (const channel of this.#host.audience.hearers(this.#language)) {
      const hearer = this.#hearers.get(channel) ?? new VoiceHearer(channel)
      this.#hearers.set(channel, hearer)
      hearer.speech = speech
      hearer.message(message)
    }
  }

  over(_requestId: string, outcome: SpeechOutcome): void {
    const line = this.#current
    if (!line) return
    const speech = this.#speech
    this.#current = undefined
    this.#speech = undefined
    const reason = ({ ended: 'said', cancelled: 'skipped', failed: 'failed' } as const)[outcome.kind]
    this.#tellEnd(line, speech, outcome.samples, reason)
    this.#next()
  }

  #next(): void {
    if (this.#current) return
    const line = this.#waiting.shift()
    if (!line) return
    this.#current = line
    const said = this.#speaker.say({ requestId: line.requestId, text: line.text, language: this.#language })
    if (!said.ok) this.over(line.requestId, { kind: 'failed', samples: 0, error: said.error })
  }

  #waitingMs(): number {
    let waitingMs = 0
    for (const { estimateMs } of this.#waiting) waitingMs += estimateMs
    return waitingMs
  }

  #skipOldest(): void {
    const line = this.#waiting.shift()
    if (!line) return
    countUp(this.#host.counters.voicesTotal, 'skipped')
    this.#tellEnd(line, undefined, 0, 'skipped')
  }

  /** `speech` undefined: it never started; whoever would have heard it is told. */
  #tellEnd(line: Line, speech: number | undefined, samples: number, reason: VoiceEnded['reason']): void {
    const number = speech ?? this.#host.numbers.next++
    const message = this.#endOf(line, number, samples, reason)
    if (speech === undefined) {
      for (const channel of this.#host.audience.hearers(this.#language)) {
        const hearer = this.#hearers.get(channel)
        if (hearer) hearer.message(message)
        else channel.keep(message)
      }
      return
    }
    for (const hearer of this.#hearers.values()) {
      if (hearer.speech !== speech) continue
      hearer.message(message)
      hearer.speech = undefined
    }
  }

  #endOf({ utterance }: Line, speech: number, samples: number, reason: VoiceEnded['reason']): Buffer {
    return encodeServer({ type: 'voice.ended', speech, utterance, language: this.#language, samples, reason })
  }

  #leave(hearer: VoiceHearer): void {
    this.#hearers.delete(hearer.channel)
    const hears = hearer.speech !== undefined && hearer.speech === this.#speech
    const line = hears ? this.#current : undefined
    hearer.leave(line && this.#endOf(line, hearer.speech as number, this.#saidSamples, 'skipped'))
  }
}
