// The recogniser on PocketSphinx: who may have a stream, with which decoder. Streams do the rest.
import { createVad } from '@parley/audio'
import { type Clock, err, ok, type Result, Scope } from '@parley/kernel'
import { DEFAULT_ENDPOINTING, type EndpointingOptions } from '../../endpointing.ts'
import type {
  OpenStreamOptions,
  Recogniser,
  RecogniserRefusal,
  RecogniserStatus,
  RecognitionBacklog,
  RecognitionListener,
  RecognitionStream,
} from '../../recogniser.ts'
import type { VoiceActivity } from '../../speech-activity.ts'
import { ENGINE_NAME } from './cepstral-state.ts'
import { Decoder } from './decoder.ts'
import { DecoderPool } from './decoder-pool.ts'
import { decoderSettings, INITIAL_CEPSTRUM } from './decoder-settings.ts'
import { type EngineProblem, type LibrarySource, loadPocketSphinx, MODEL_DIRECTORY } from './library.ts'
import { PocketSphinxStream } from './pocketsphinx-stream.ts'
import { measureDecoding } from './self-measurement.ts'

/** The model knows American English; under `en` other varieties are taken too and recognised as well as it can. */
export const POCKETSPHINX_LANGUAGES: readonly string[] = ['en-US', 'en']
/** One ticker for all streams looks for those that have gone quiet. */
const IDLE_CHECK_MS = 100
/** Streams are sessions: one ends every now and then. */
const NO_SLOT_RETRY_MS = 2_000
const UNAVAILABLE_RETRY_MS = 5_000
/** Without any decoder, this often it is tried whether the engine has been installed meanwhile. */
const RETRY_LOAD_MS = 15_000

export interface PocketSphinxOptions {
  readonly clock: Clock
  /** Streams at once; see slotsFor. */
  readonly slots: number
  readonly endpointing?: EndpointingOptions
  /** A voice detector per stream; @parley/audio's in its strictest mode unless told. */
  readonly createVoiceActivity?: () => Promise<VoiceActivity>
  readonly library?: LibrarySource
}

export class PocketSphinxRecogniser implements Recogniser {
  readonly name = ENGINE_NAME
  readonly #options: PocketSphinxOptions
  readonly #scope: Scope
  readonly #pool: DecoderPool<Decoder>
  readonly #streams = new Set<PocketSphinxStream>()
  #slots: number
  #isMeasuring = false
  #lostMsTotal = 0
  /** Slots taken, with or without a stream yet. */
  #slotsUsed = 0
  #problem: EngineProblem | undefined
  /** Whether the first decoder has been loaded, or it is known why not. */
  #isLoaded = false
  #closing: Promise<void> | undefined

  constructor(options: PocketSphinxOptions) {
    if (!(Number.isInteger(options.slots) && options.slots > 0))
      throw new RangeError(`slots must be >= 1, got ${options.slots}`)
    this.#options = options
    this.#slots = options.slots
    this.#scope = new Scope(options.clock)
    this.#pool = new DecoderPool({
      size: options.slots,
      load: () => this.#loadDecoder(),
      onProblem: (problem) => {
        this.#problem = problem
        this.#isLoaded = true
      },
    })
    this.#scope.every(IDLE_CHECK_MS, () => this.#checkIdle())
  }

  status(): RecogniserStatus {
    const problem = this.#pool.count > 0 ? undefined : this.#problem
    const isReady = this.#isLoaded && problem === undefined
    return {
      name: this.name,
      languages: POCKETSPHINX_LANGUAGES,
      ready: isReady,
      ...(problem ? { problem: problem.message } : {}),
      slots: isReady ? this.#slots : 0,
      slotsUsed: this.#slotsUsed,
      decodersWarm: this.#pool.warm,
      backlog: this.#backlog(),
    }
  }

  /** From now on at most `slots` streams (>= 1). Streams there are go on, also when they are more. */
  setSlots(slots: number): void {
    if (!(Number.isInteger(slots) && slots > 0)) throw new RangeError(`slots must be >= 1, got ${slots}`)
    this.#slots = slots
    void this.#resizePool()
  }

  /**
   * CPU time per time of speech of one decoder on this machine, found by decoding `samples` (16 kHz, speech) with a decoder that no stream
   * waits for: a third of a second of CPU for three seconds of speech, on this thread, in pieces of a few milliseconds. Undefined when
   * there is no decoder. Takes at most two seconds once there is a decoder for it.
   */
  async measure(samples: Int16Array): Promise<number | undefined> {
    if (this.#isMeasuring || this.#closing || this.#pool.count === 0) return undefined
    this.#isMeasuring = true
    await this.#resizePool()
    const taken = await this.#pool.takeSpare()
    if (!taken.ok) {
      this.#isMeasuring = false
      return undefined
    }
    let isHealthy = false
    try {
      const realTimeFactor = await measureDecoding(taken.value, samples, this.#options.clock)
      isHealthy = true
      return realTimeFactor
    } finally {
      this.#isMeasuring = false
      await this.#pool.giveBack(taken.value, isHealthy)
      await this.#resizePool()
    }
  }

  /** Never rejects for a missing engine: that is in status().problem, and streams are refused. */
  async start(): Promise<void> {
    await this.#pool.fill()
    this.#scope.every(RETRY_LOAD_MS, () => {
      if (this.#pool.count === 0) void this.#pool.fill()
    })
  }

  async openStream(
    options: OpenStreamOptions,
    listener: RecognitionListener,
  ): Promise<Result<RecognitionStream, RecogniserRefusal>> {
    if (!speaks(options.language)) {
      const message = `"${options.language}" is not recognised here; English is (${POCKETSPHINX_LANGUAGES.join(', ')})`
      return err({ code: 'LANGUAGE_UNSUPPORTED', message })
    }
    if (this.#closing) return err(unavailable({ message: 'the recogniser is closed' }))
    if (this.#slotsUsed >= this.#slots) {
      const message = `all ${this.#slots} slots are taken`
      return err({ code: 'NO_SLOT', message, retryAfterMs: NO_SLOT_RETRY_MS })
    }
    this.#slotsUsed++
    const opened = await this.#open(options, listener).catch((error: unknown) => err({ message: String(error) }))
    if (opened.ok) return opened
    this.#slotsUsed--
    return err(unavailable(opened.error))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#scope.close()
    await Promise.all([...this.#streams].map((stream) => stream.close()))
    await this.#pool.close()
  }

  async #open(
    options: OpenStreamOptions,
    listener: RecognitionListener,
  ): Promise<Result<RecognitionStream, EngineProblem>> {
    const taken = await this.#pool.take()
    if (!taken.ok) return taken
    const decoder = taken.value
    const voice = await this.#createVoice().catch(async (error: unknown) => {
      await this.#pool.giveBack(decoder, true)
      throw error
    })
    if (this.#closing) {
      voice.close()
      await this.#pool.giveBack(decoder, true)
      return err({ message: 'the recogniser is closed' })
    }
    const { clock, endpointing = DEFAULT_ENDPOINTING } = this.#options
    const { firstIndex, adaptation, wantsWords = false } = options
    const stream: PocketSphinxStream = new PocketSphinxStream({
      clock,
      decoder,
      voice,
      endpointing,
      firstIndex,
      wantsWords,
      listener,
      ...(adaptation ? { adaptation } : {}),
      onReleased: async (isHealthy) => {
        await this.#pool.giveBack(decoder, isHealthy)
        this.#lostMsTotal += stream.backlog(clock.nowMs()).lostMsTotal
        this.#streams.delete(stream)
        this.#slotsUsed--
      },
    })
    this.#streams.add(stream)
    return ok(stream)
  }

  #resizePool(): Promise<void> {
    return this.#pool.resize(this.#slots + (this.#isMeasuring ? 1 : 0))
  }

  #backlog(): RecognitionBacklog {
    const nowMs = this.#options.clock.nowMs()
    const total = { audioMs: 0, oldestMs: 0, lostMsTotal: this.#lostMsTotal }
    for (const stream of this.#streams) {
      const { audioMs, oldestMs, lostMsTotal } = stream.backlog(nowMs)
      total.audioMs += audioMs
      total.oldestMs = Math.max(total.oldestMs, oldestMs)
      total.lostMsTotal += lostMsTotal
    }
    return total
  }

  #createVoice(): Promise<VoiceActivity> {
    return this.#options.createVoiceActivity?.() ?? createVad({ mode: 3 })
  }

  async #loadDecoder(): Promise<Result<Decoder, EngineProblem>> {
    const source = this.#options.library ?? {}
    const library = await loadPocketSphinx(source)
    if (!library.ok) return library
    return Decoder.load(library.value, decoderSettings(source.modelDirectory ?? MODEL_DIRECTORY), INITIAL_CEPSTRUM)
  }

  #checkIdle(): void {
    if (this.#streams.size === 0) return
    const nowMs = this.#options.clock.nowMs()
    for (const stream of this.#streams) stream.checkIdle(nowMs)
  }
}

/** English of any country. */
function speaks(language: string): boolean {
  return /^en(-[a-z0-9]+)*$/i.test(language)
}

function unavailable({ message }: EngineProblem): RecogniserRefusal {
  return { code: 'SPEECH_UNAVAILABLE', message, retryAfterMs: UNAVAILABLE_RETRY_MS }
}
