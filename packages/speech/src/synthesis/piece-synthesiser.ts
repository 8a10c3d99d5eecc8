// The port over an engine that makes pieces: voices, slots, loading, refusals. The audio itself is the business of PieceSpeech.
import { type Clock, err, ok, type Result } from '@parley/kernel'
import type { VoiceInfo } from '@parley/protocol'
import type { SpeakRequest, Speech, Synthesiser, SynthesiserRefusal, SynthesiserStatus } from '../synthesiser.ts'
import type { EngineVoice, PieceEngine } from './piece.ts'
import { PiecePool } from './piece-pool.ts'
import { PieceSpeech } from './piece-speech.ts'
import { piecesOf } from './sentences.ts'
import { readSpeakRequest } from './speak-request.ts'

export interface PieceSynthesiserOptions {
  readonly clock: Clock
  /** Speeches at once; >= 1. */
  readonly slots: number
}

const RETRY_AFTER_MS = 500
/** An engine that could not be loaded is tried again when somebody asks, but not more often. */
const RELOAD_AFTER_MS = 15_000
/** What a maker says to nobody before it is asked for anything: long enough to have its code compiled. */
const WARM_UP_TEXT = 'one two three four five six seven eight nine ten'

type LoadState =
  | { readonly is: 'idle' }
  | { readonly is: 'loading'; readonly done: Promise<void> }
  | { readonly is: 'ready'; readonly pool: PiecePool }
  | { readonly is: 'failed'; readonly problem: string; readonly atMs: number }
  | { readonly is: 'closed' }

export class PieceSynthesiser implements Synthesiser {
  readonly name: string
  readonly #engine: PieceEngine
  readonly #clock: Clock
  readonly #slots: number
  readonly #speeches = new Set<PieceSpeech>()
  /** Its threads and processes; one that could not start is closed before there is another. */
  #pool: PiecePool | undefined
  #state: LoadState = { is: 'idle' }
  #voices: readonly EngineVoice[] = []
  #told: { readonly voices: readonly VoiceInfo[]; readonly languages: readonly string[] } = {
    voices: [],
    languages: [],
  }

  constructor(engine: PieceEngine, { clock, slots }: PieceSynthesiserOptions) {
    this.name = engine.name
    this.#engine = engine
    this.#clock = clock
    this.#slots = slots
  }

  status(): SynthesiserStatus {
    const state = this.#state
    return {
      name: this.name,
      ...this.#told,
      ready: state.is === 'ready',
      slots: this.#slots,
      slotsUsed: this.#speeches.size,
      ...(state.is === 'failed' ? { problem: state.problem } : {}),
    }
  }

  start(): Promise<void> {
    const state = this.#state
    if (state.is === 'loading') return state.done
    if (state.is === 'ready' || state.is === 'closed') return Promise.resolve()
    const done = this.#load()
    if (this.#state.is === 'idle' || this.#state.is === 'failed') this.#state = { is: 'loading', done }
    return done
  }

  speak(request: SpeakRequest): Result<Speech, SynthesiserRefusal> {
    const state = this.#state
    if (state.is !== 'ready') return err(this.#unavailable(state))
    const order = readSpeakRequest(request, this.#voices)
    if (!order.ok) return order
    if (this.#speeches.size >= this.#slots) {
      const message = `all ${this.#slots} slots for speeches are taken`
      return err({ code: 'NO_SLOT', message, retryAfterMs: RETRY_AFTER_MS })
    }
    const { text, voice, rateRatio } = order.value
    const speech: PieceSpeech = new PieceSpeech({
      pool: state.pool,
      voice,
      rateRatio,
      texts: this.#textsOf(text, voice.language),
      onOver: () => this.#speeches.delete(speech),
    })
    this.#speeches.add(speech)
    return ok(speech)
  }

  async close(): Promise<void> {
    this.#state = { is: 'closed' }
    for (const speech of this.#speeches) speech.cancel()
    await this.#pool?.close()
  }

  *#textsOf(text: string, language: string): Generator<string, void, undefined> {
    for (const piece of piecesOf(text, { ...this.#engine.sentences, language })) {
      const sayable = this.#engine.sayable(piece)
      if (sayable !== '') yield sayable
    }
  }

  #unavailable(state: Exclude<LoadState, { is: 'ready' }>): SynthesiserRefusal {
    if (state.is === 'failed' && this.#clock.nowMs() - state.atMs >= RELOAD_AFTER_MS) void this.start()
    const message =
      state.is === 'failed'
        ? state.problem
        : state.is === 'closed'
          ? `${this.name} is closed`
          : `${this.name} is still being loaded`
    return {
      code: 'SPEECH_UNAVAILABLE',
      message,
      retryAfterMs: state.is === 'failed' ? RELOAD_AFTER_MS : RETRY_AFTER_MS,
    }
  }

  async #load(): Promise<void> {
    const loaded = await this.#engine.load()
    if (this.#isClosed()) return
    const voices = loaded.ok ? loaded.value : []
    const first = voices[0]
    if (!first) {
      this.#fail(loaded.ok ? `${this.name} has no voices` : loaded.error.message)
      return
    }
    const pool = new PiecePool({
      clock: this.#clock,
      makers: this.#engine.makers,
      pieceDeadlineMs: this.#engine.pieceDeadlineMs,
      createMaker: () => this.#engine.createMaker(),
    })
    this.#pool = pool
    const problem = this.#engine.isWarmedUp === false ? undefined : await this.#warmUp(pool, first)
    if (this.#isClosed()) return
    if (problem !== undefined) {
      await pool.close()
      this.#fail(problem)
      return
    }
    this.#voices = voices
    this.#told = {
      voices: voices.map(({ name, language, engine }) => ({ name, language, engine })),
      languages: [...new Set(voices.map((voice) => voice.language))],
    }
    this.#state = { is: 'ready', pool }
  }

  /** Sets every maker to work and resolves when the first has done some, with its problem if it had one. */
  #warmUp(pool: PiecePool, voice: EngineVoice): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    for (let count = 0; count < this.#engine.makers; count++) {
      pool.submit({
        piece: { text: WARM_UP_TEXT, voice, rateRatio: 1 },
        isAwaited: () => false,
        onAudio: () => {},
        onDone: (failure) => resolve(failure?.message),
      })
    }
    return promise
  }

  #fail(problem: string): void {
    if (!this.#isClosed()) this.#state = { is: 'failed', problem, atMs: this.#clock.nowMs() }
  }

  #isClosed(): boolean {
    return this.#state.is === 'closed'
  }
}
