// One live connection of the Deepgram half of the fake provider: audio in, Results out.
import { randomUUID } from 'node:crypto'
import type { Clock, Random, Scope, Timer } from '@parley/kernel'
import { WebSocket } from 'ws'
import type { EarsStream, FakeEars } from './backing.ts'
import type { FaultKind } from './faults.ts'

export interface ListenOptions {
  readonly language: string
  readonly sampleRateHz: number
  readonly isInterim: boolean
  readonly hasUtteranceEnd: boolean
  readonly hasVadEvents: boolean
}

export interface SessionOptions extends ListenOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly socket: WebSocket
  readonly ears: FakeEars
  readonly random: Random
  readonly fault: FaultKind | undefined
  /** Results are this much later than they could be. */
  readonly nextLatencyMs: () => number
  /** Without audio or KeepAlive for this long the connection is closed; QUIET_LIMIT_MS unless told. */
  readonly quietLimitMs?: number | undefined
}

/** As Deepgram's. */
const QUIET_LIMIT_MS = 10_000
/** `close` ends the connection after about this much audio. */
const CLOSE_AFTER_SAMPLES_MS = 1_500
const MAX_PENDING = 256

interface Alternative {
  readonly transcript: string
  readonly startMs: number
  readonly endMs: number
}

/** Reads the query of /v1/listen; a string is what is wrong with it. */
export function readListenQuery(query: URLSearchParams, { languages }: FakeEars): ListenOptions | string {
  const encoding = query.get('encoding') ?? 'linear16'
  if (encoding !== 'linear16') return `encoding is ${encoding}; this provider takes linear16`
  const sampleRateHz = Number(query.get('sample_rate') ?? '16000')
  if (!(Number.isInteger(sampleRateHz) && sampleRateHz >= 8_000 && sampleRateHz <= 48_000)) {
    return 'sample_rate must be a whole number from 8000 to 48000'
  }
  if ((query.get('channels') ?? '1') !== '1') return 'this provider takes one channel'
  const language = query.get('language') ?? 'en'
  const base = language.split('-')[0]
  if (!languages.some((known) => known.split('-')[0] === base)) {
    return `language is ${language}; this provider understands ${languages.join(', ')}`
  }
  return {
    language,
    sampleRateHz,
    isInterim: query.get('interim_results') === 'true',
    hasUtteranceEnd: query.has('utterance_end_ms'),
    hasVadEvents: query.get('vad_events') === 'true',
  }
}

export class DeepgramSession {
  readonly #options: SessionOptions
  readonly #requestId = randomUUID()
  #stream: EarsStream | undefined
  #pendingAudio: Int16Array[] = []
  #quiet: Timer | undefined
  #samples = 0
  /** Where the last result that cannot change ended. */
  #finalMs = 0
  #isSpeaking = false
  #isClosing = false
  #sending: Promise<void> = Promise.resolve()
  #waiting = 0

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** Opens the recognition; resolves when the connection has ended. */
  async run(): Promise<'answered' | 'failed' | 'abandoned'> {
    const { socket, ears, language, sampleRateHz, fault } = this.#options
    const ended = new Promise<number>((resolve) => socket.once('close', resolve))
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.#onAudio(data as Buffer)
      else this.#onControl(String(data))
    })
    socket.on('error', () => {})
    this.#armQuiet()
    if (fault !== 'hang') {
      const opened = await ears.open(language, sampleRateHz, this.#listener())
      if (!opened.ok) {
        socket.close(1011, opened.error.slice(0, 120))
        await ended
        return 'failed'
      }
      this.#stream = opened.value
      for (const samples of this.#pendingAudio) this.#stream.push(samples)
      this.#pendingAudio = []
    }
    const code = await ended
    this.#quiet?.cancel()
    await this.#stream?.close()
    if (code === 1011) return 'failed'
    return code === 1000 || this.#isClosing ? 'answered' : 'abandoned'
  }

  #onAudio(data: Buffer): void {
    this.#armQuiet()
    // An empty message is an old way to say CloseStream.
    if (data.length === 0) {
      this.#closeStream()
      return
    }
    const samples = new Int16Array(data.length >> 1)
    for (let at = 0; at < samples.length; at++) samples[at] = data.readInt16LE(2 * at)
    this.#samples += samples.length
    if (this.#stream) this.#stream.push(samples)
    else if (this.#options.fault !== 'hang') this.#pendingAudio.push(samples)
    const { fault, socket, sampleRateHz } = this.#options
    if (fault === 'close' && (this.#samples * 1000) / sampleRateHz >= CLOSE_AFTER_SAMPLES_MS) socket.terminate()
  }

  #onControl(text: string): void {
    this.#armQuiet()
    const type = typeOf(text)
    if (type === 'Finalize') this.#stream?.flush()
    else if (type === 'CloseStream') this.#closeStream()
    else if (type !== 'KeepAlive') this.#send({ type: 'Error', description: 'unknown message', message: 'DATA-0000' })
  }

  #closeStream(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    if (this.#stream) this.#stream.flush()
    else if (this.#options.fault !== 'hang') this.#options.socket.close(1000)
  }

  #listener() {
    return {
      onPartial: (transcript: string, startMs: number, endMs: number) => {
        this.#speechStarted(startMs)
        if (this.#options.isInterim)
          this.#results({ transcript, startMs, endMs }, { isFinal: false, isSpeechFinal: false })
      },
      onFinal: (transcript: string, startMs: number, endMs: number) => {
        this.#speechStarted(startMs)
        this.#isSpeaking = false
        this.#results({ transcript, startMs, endMs }, { isFinal: true, isSpeechFinal: true })
        if (this.#options.hasUtteranceEnd) {
          this.#send({ type: 'UtteranceEnd', channel: [0, 1], last_word_end: endMs / 1000 })
        }
      },
      onSilent: (untilMs: number) => {
        this.#isSpeaking = false
        this.#results(
          { transcript: '', startMs: this.#finalMs, endMs: untilMs },
          { isFinal: true, isSpeechFinal: false },
        )
      },
      onFlushed: (untilMs: number) => {
        const empty = { transcript: '', startMs: Math.min(this.#finalMs, untilMs), endMs: untilMs }
        this.#results(empty, { isFinal: true, isSpeechFinal: false, isFromFinalize: true })
        if (this.#isClosing) this.#finish()
      },
      onFailed: (message: string) => this.#options.socket.close(1011, message.slice(0, 120)),
    }
  }

  #speechStarted(startMs: number): void {
    if (this.#isSpeaking) return
    this.#isSpeaking = true
    if (this.#options.hasVadEvents) this.#send({ type: 'SpeechStarted', channel: [0, 1], timestamp: startMs / 1000 })
  }

  #results(
    { transcript, startMs, endMs }: Alternative,
    {
      isFinal,
      isSpeechFinal,
      isFromFinalize = false,
    }: { isFinal: boolean; isSpeechFinal: boolean; isFromFinalize?: boolean },
  ): void {
    // A result covers the audio from the end of the last one that cannot change, the silence before the speech included.
    const fromMs = Math.min(this.#finalMs, startMs)
    if (isFinal) this.#finalMs = Math.max(this.#finalMs, endMs)
    this.#send({
      type: 'Results',
      channel_index: [0, 1],
      start: fromMs / 1000,
      duration: (endMs - fromMs) / 1000,
      is_final: isFinal,
      speech_final: isSpeechFinal,
      from_finalize: isFromFinalize,
      channel: {
        alternatives: [{ transcript, confidence: 0, words: wordsOf(transcript, startMs, endMs) }],
      },
      metadata: { request_id: this.#requestId, model_info: { name: 'fake', version: '0', arch: 'fake' } },
    })
  }

  #finish(): void {
    const duration = this.#samples / this.#options.sampleRateHz
    this.#send({
      type: 'Metadata',
      request_id: this.#requestId,
      duration,
      channels: 1,
      created: '1970-01-01T00:00:00Z',
    })
    void this.#sending.then(() => this.#options.socket.close(1000))
  }

  /** In order, each as late as the provider is slow. */
  #send(message: object): void {
    const { fault, random, nextLatencyMs, scope, socket } = this.#options
    if (fault === 'hang' || this.#waiting >= MAX_PENDING) return
    const text = fault === 'nonsense' && random() < 0.5 ? '{"type":"Results","channel":"?"}' : JSON.stringify(message)
    const delayMs = fault === 'slow' ? 10_000 : nextLatencyMs()
    const deliver = () => {
      this.#waiting--
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
    }
    this.#waiting++
    this.#sending = this.#sending.then(
      () =>
        new Promise<void>((resolve) => {
          if (delayMs <= 0) {
            deliver()
            resolve()
            return
          }
          scope.after(delayMs, () => {
            deliver()
            resolve()
          })
        }),
    )
  }

  #armQuiet(): void {
    this.#quiet?.cancel()
    const { scope, socket } = this.#options
    const quietLimitMs = this.#options.quietLimitMs ?? QUIET_LIMIT_MS
    const why = `NET-0001 no audio or KeepAlive for ${quietLimitMs / 1_000} s`
    this.#quiet = scope.after(quietLimitMs, () => socket.close(1011, why))
  }
}

/** The recogniser behind the fake times utterances, not words: they are spread evenly over it. */
function wordsOf(transcript: string, startMs: number, endMs: number): object[] {
  const words = transcript.split(/\s+/).filter((word) => word !== '')
  const each = (endMs - startMs) / 1000 / Math.max(1, words.length)
  return words.map((word, at) => ({
    word: word.toLowerCase().replace(/[^\p{L}\p{N}']/gu, ''),
    punctuated_word: word,
    start: startMs / 1000 + at * each,
    end: startMs / 1000 + (at + 1) * each,
    confidence: 0,
  }))
}

function typeOf(text: string): string {
  try {
    const { type } = JSON.parse(text) as { readonly type?: unknown }
    return typeof type === 'string' ? type : ''
  } catch {
    return ''
  }
}
