// The speeches of this pod over the links there are: finds each a worker with a free slot and the voice, and another when that one is
// gone. Implements SpeakPort; the links are speech-links.ts's, which also gives it its beat.
import type { Clock } from '@parley/kernel'
import { ParleyError, type VoiceInfo } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { type SpeakContext, type SpeakCounters, SpeakStream } from './speak-stream.ts'
import { SPEAK_POLICY, SPEAK_RETRY_AFTER_MS } from './speak-transitions.ts'
import { canSay, wishRefusal } from './speak-wish.ts'
import type { Speaking, SpeakListener, SpeakPort, SpeakRequest } from './speech-port.ts'
import type { PlaceWish, StreamPlacer } from './stream-placer.ts'
import type { WorkerLink } from './worker-link.ts'

/** Longest text of one request, UTF-8 bytes (MAX_SPEAK_TEXT_BYTES of @parley/speech): a longer one could not be sent to a worker. */
const MAX_TEXT_BYTES = 131_072
/** How long a voice that a worker may still be loading is waited for. */
const LOADING_WAIT_MS = 15_000

export interface SpeakLinksOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly counters: SpeakCounters
  /** How long a speech that has begun waits for a worker to go on with. */
  readonly workerWaitMs: number
  readonly placer: StreamPlacer
  /** All there are. */
  links(): Iterable<WorkerLink>
}

export class SpeakLinks implements SpeakPort {
  readonly #options: SpeakLinksOptions
  readonly #context: SpeakContext
  readonly #streams = new Set<SpeakStream>()
  /** Speeches without a worker, longest wait first. */
  readonly #waiting = new Set<SpeakStream>()

  constructor(options: SpeakLinksOptions) {
    this.#options = options
    this.#context = {
      policy: { ...SPEAK_POLICY, resumeWaitMs: options.workerWaitMs },
      clock: options.clock,
      logger: options.logger,
      counters: options.counters,
      onWaiting: (stream) => {
        this.#waiting.add(stream)
        this.place()
      },
      unplaced: (stream, waitedMs) => this.#unplaced(stream, waitedMs),
      onOver: (stream) => {
        this.#streams.delete(stream)
        this.#waiting.delete(stream)
      },
    }
  }

  /** Speeches under way. */
  get size(): number {
    return this.#streams.size
  }
  get waiting(): number {
    return this.#waiting.size
  }
  /** Slots of the connected workers for speech, and those taken as far as this pod knows. */
  get slots(): { readonly slots: number; readonly slotsUsed: number } {
    let slots = 0
    let slotsUsed = 0
    for (const { book } of this.#speakers()) {
      slots += book.slots
      slotsUsed += book.used
    }
    return { slots, slotsUsed }
  }

  voices(): readonly VoiceInfo[] {
    const byName = new Map<string, VoiceInfo>()
    for (const { voices } of this.#speakers()) {
      for (const voice of voices) if (!byName.has(voice.name)) byName.set(voice.name, voice)
    }
    const order = (voice: VoiceInfo): string => `${voice.language} ${voice.name}`
    return [...byName.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1))
  }

  speak(request: SpeakRequest, listener: SpeakListener): Speaking {
    this.#options.counters.speechesTotal++
    const stream = new SpeakStream(this.#context, request, listener)
    this.#streams.add(stream)
    // Told when `speak` has returned: the listener does not have its speech yet.
    queueMicrotask(() => this.#begin(stream))
    return stream
  }

  /** Workers have come, gone or told their load: whoever waits is put on one that has room. */
  place(): void {
    if (this.#waiting.size === 0) return
    const nowMs = this.#options.clock.nowMs()
    for (const stream of this.#waiting) {
      const { state } = stream
      if (state.kind !== 'waiting' || nowMs < state.retryAtMs) continue
      const chosen = this.#pick(stream)
      if (!chosen) continue
      this.#waiting.delete(stream)
      stream.assign(chosen)
    }
  }

  /** Called a few times per second. */
  check(nowMs: number): void {
    for (const stream of this.#streams) stream.check(nowMs)
    this.place()
  }

  /** Ends every speech; nothing is told of it. */
  close(): void {
    for (const stream of this.#streams) stream.cancel()
  }

  #begin(stream: SpeakStream): void {
    if (stream.state.kind !== 'waiting') return
    const { text } = stream.request
    const textBytes = Buffer.byteLength(text)
    if (textBytes > MAX_TEXT_BYTES) {
      const message = `field "text" may have ${MAX_TEXT_BYTES} bytes, got ${textBytes}; say it in several`
      stream.refuse(new ParleyError('TEXT_INVALID', { field: 'text', message }))
      return
    }
    const voices = this.voices()
    const refusal = voices.length === 0 || this.#isLoading() ? undefined : wishRefusal(voices, stream.wants)
    if (refusal) {
      stream.refuse(refusal)
      return
    }
    this.#waiting.add(stream)
    this.place()
  }

  #unplaced(stream: SpeakStream, waitedMs: number): ParleyError | undefined {
    const retryAfterMs = SPEAK_RETRY_AFTER_MS
    const voices = this.voices()
    const isLoading = this.#isLoading() && !canSay(voices, stream.wants)
    if (isLoading && waitedMs < LOADING_WAIT_MS) return undefined
    if (voices.length === 0) {
      const message = 'no speech worker that speaks is connected'
      return new ParleyError('SPEECH_UNAVAILABLE', { message, retryAfterMs })
    }
    const refusal = wishRefusal(voices, stream.wants)
    if (refusal && isLoading) {
      const message = `${refusal.message}; a speech worker is still loading its voices`
      return new ParleyError('SPEECH_UNAVAILABLE', { message, retryAfterMs })
    }
    if (refusal) return refusal
    return new ParleyError('NO_SLOT', { message: 'every worker that could say it is busy', retryAfterMs })
  }

  /** One that has just failed it only when there is no other. */
  #pick({ wants, failedOn }: SpeakStream): WorkerLink | undefined {
    const { placer } = this.#options
    const wish: PlaceWish = {
      fits: ({ speeches }) => canSay(speeches.voices, wants),
      book: ({ speeches }) => speeches.book,
    }
    return placer.pick(wish, (link) => link !== failedOn) ?? (failedOn ? placer.pick(wish) : undefined)
  }

  #isLoading(): boolean {
    for (const { isLoading } of this.#speakers()) if (isLoading) return true
    return false
  }

  *#speakers(): IterableIterator<WorkerLink['speeches']> {
    for (const { isUp, speeches } of this.#options.links()) if (isUp) yield speeches
  }
}
