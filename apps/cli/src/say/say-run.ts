// One run of `parley say`: text -> session -> sink, and the exit code. Every way it can end passes through here once.
import {
  createSession,
  ParleyClientError,
  type ParleySession,
  type ParleySpeech,
  type SpeakOptions,
} from '@parley/client'
import type { Clock } from '@parley/kernel'
import { exitOfStart } from '../caption/exit-codes.ts'
import type { Target } from '../caption/target.ts'
import { CliError } from '../exit-codes.ts'
import { exitOfSpeech, SAY_EXIT, type SayExit } from './exit-codes.ts'
import type { SpeechSink } from './sinks.ts'
import type { SaySummary } from './summary.ts'

export interface SayPrinter {
  /** Samples so far, in ms. */
  progress(saidMs: number): void
  error(error: ParleyClientError): void
  note(text: string): void
  summary(summary: SaySummary): void
}

export interface SayRunOptions {
  readonly target: Target
  readonly text: string
  readonly speak: SpeakOptions
  readonly sink: SpeechSink
  readonly printer: SayPrinter
  readonly clock: Clock
}

export class SayRun {
  readonly #options: SayRunOptions
  readonly #leaving = Promise.withResolvers<'left'>()
  #session: ParleySession | undefined
  #speech: ParleySpeech | undefined
  #isInterrupted = false
  #firstAudioMs: number | undefined
  #samples = 0

  constructor(options: SayRunOptions) {
    this.#options = options
  }

  /** First: silence, and what was said is kept. Second, or before anything is said: leaves at once. */
  interrupt(): void {
    if (this.#isInterrupted || !this.#speech) {
      this.#leaving.resolve('left')
      return
    }
    this.#isInterrupted = true
    this.#speech.cancel()
    void this.#options.sink.stop().catch(() => {})
  }

  /** Resolves with the exit code; what failed has been printed. */
  async run(): Promise<SayExit> {
    try {
      const code = await Promise.race([this.#work(), this.#leaving.promise])
      return code === 'left' ? SAY_EXIT.interrupted : code
    } finally {
      this.#session?.destroy()
      await this.#options.sink.stop().catch(() => {})
    }
  }

  async #work(): Promise<SayExit> {
    const { printer } = this.#options
    const session = await this.#start().catch((thrown: unknown) => {
      if (!(thrown instanceof ParleyClientError)) throw thrown
      printer.error(thrown)
      return exitOfStart(thrown)
    })
    if (typeof session === 'number') return session
    const askedAtMs = this.#options.clock.nowMs()
    const speech = session.speak(this.#options.text, this.#options.speak)
    this.#speech = speech
    const code = await this.#listen(speech, askedAtMs)
    await session.close()
    return code
  }

  async #start(): Promise<ParleySession> {
    const { target, clock, printer } = this.#options
    const session = await createSession({ ...target, clock, udp: 'off' })
    this.#session = session
    session.on('error', (error) => printer.error(error))
    session.on('state', (state) => {
      if (state.kind === 'reconnecting') printer.note('connection lost; trying again')
    })
    session.on('resumed', ({ awayMs }) => printer.note(`back after ${(awayMs / 1000).toFixed(1)} s`))
    await session.connect()
    return session
  }

  async #listen(speech: ParleySpeech, askedAtMs: number): Promise<SayExit> {
    const { printer, clock } = this.#options
    try {
      await this.#pour(speech, () => {
        this.#firstAudioMs ??= clock.nowMs() - askedAtMs
      })
    } catch (thrown) {
      if (thrown instanceof ParleyClientError) {
        await this.#options.sink.stop()
        printer.error(thrown)
        // Where nothing was said there is nothing to sum up.
        if (speech.started) this.#conclude(speech, 'failed')
        return exitOfSpeech(thrown)
      }
      speech.cancel()
      if (this.#isInterrupted) return this.#interrupted(speech)
      if (!(thrown instanceof CliError)) throw thrown
      if (thrown.exitCode !== SAY_EXIT.outputClosed) printer.note(`parley: ${thrown.message}`)
      return thrown.exitCode as SayExit
    }
    if (this.#isInterrupted) return this.#interrupted(speech)
    this.#conclude(speech, 'ended')
    return SAY_EXIT.ok
  }

  async #pour(speech: ParleySpeech, onAudio: () => void): Promise<void> {
    const { sink, printer } = this.#options
    let isStarted = false
    const start = async (sampleRateHz: number): Promise<void> => {
      if (!isStarted) await sink.start(sampleRateHz)
      isStarted = true
    }
    for await (const { samples, sampleRateHz } of speech) {
      onAudio()
      await start(sampleRateHz)
      await sink.write(samples)
      this.#samples += samples.length
      printer.progress((this.#samples * 1000) / sampleRateHz)
    }
    if (this.#isInterrupted) return
    // A text with nothing to say in it is a file without samples, not a missing one.
    if (speech.started) await start(speech.started.sampleRateHz)
    await sink.finish()
  }

  #interrupted(speech: ParleySpeech): SayExit {
    this.#conclude(speech, 'cancelled')
    return SAY_EXIT.interrupted
  }

  #conclude(speech: ParleySpeech, outcome: SaySummary['outcome']): void {
    const { sampleRateHz, voice, language } = speech.started ?? {}
    this.#options.printer.summary({
      outcome,
      samples: this.#samples,
      ...(sampleRateHz === undefined
        ? {}
        : { sampleRateHz, durationMs: Math.round((this.#samples * 1000) / sampleRateHz) }),
      ...(voice === undefined ? {} : { voice, language }),
      ...(this.#firstAudioMs === undefined ? {} : { firstAudioMs: Math.round(this.#firstAudioMs) }),
    })
  }
}
