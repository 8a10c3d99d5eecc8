// One run of `parley caption`: source -> session -> printer, and the exit code. Every way it can end passes through here once.
import {
  createSession,
  isOver,
  LagTracker,
  ParleyClientError,
  type ParleySession,
  type UdpEndpoint,
} from '@parley/client'
import type { Clock } from '@parley/kernel'
import type { AudioFormat } from '@parley/protocol'
import type { AudioSource } from './audio-source.ts'
import { type Conversion, resampled } from './encoder.ts'
import { CAPTION_EXIT, type CaptionExit, exitOfStart } from './exit-codes.ts'
import { sendAtPace } from './pacer.ts'
import type { CaptionPrinter } from './printers.ts'
import type { RefineWish } from './refine-options.ts'
import { RefinedRun } from './refined-run.ts'
import { SummaryCounter } from './summary.ts'
import type { Target } from './target.ts'

export interface CaptionRunOptions {
  readonly target: Target
  readonly source: AudioSource
  readonly format: AudioFormat
  readonly conversion: Conversion
  readonly language: string | undefined
  readonly wantsWatchLink: boolean
  /** What is asked for beside captions. */
  readonly refine: RefineWish
  readonly way: Way
  readonly printer: CaptionPrinter
  readonly clock: Clock
}

/** How audio travels, and what happens when the connection breaks. */
export interface Way {
  readonly udp: 'auto' | 'off'
  readonly udpEndpoint: UdpEndpoint | undefined
  readonly resume: boolean
}

/** Why sending ended before the source did. */
type Stop = 'interrupted' | 'output-closed' | 'session-over'

/** Places come free by themselves, and workers load: beyond this the platform is full. */
const PLACE_WITHIN_MS = 15_000
const WAITING = { full: 'no free place yet', unreachable: 'the platform cannot be reached' } as const
/** A worker may be started anew (30 s) before the last words are recognised. */
const END_DEADLINE_MS = 45_000
/** What Ctrl-C waits for the last final. */
const INTERRUPTED_END_DEADLINE_MS = 2_000

export class CaptionRun {
  readonly #options: CaptionRunOptions
  readonly #counter = new SummaryCounter()
  readonly #lag: LagTracker
  readonly #refined: RefinedRun
  readonly #stop = new AbortController()
  readonly #leaving = Promise.withResolvers<'left'>()
  #stopped: Stop | undefined
  #interrupts = 0
  #isStarted = false
  /** Left at once: nothing more is said. */
  #hasLeft = false
  #session: ParleySession | undefined
  /** Speech that could not be kept through interruptions, ms. */
  #lostMs = 0
  #isInterrupted = false

  constructor(options: CaptionRunOptions) {
    this.#options = options
    this.#lag = new LagTracker(options.format.frameMs)
    this.#refined = new RefinedRun(options.refine, options.printer, options.clock)
  }

  /** First: end the audio and wait shortly for the last final. Second: leave at once. */
  interrupt(): void {
    this.#interrupts++
    // Before anything was sent there is nothing to wait for.
    if (this.#interrupts > 1 || !this.#isStarted) {
      this.#leaving.resolve('left')
      return
    }
    this.#options.printer.note('ending; press Ctrl-C again to leave at once')
    this.#end('interrupted')
  }

  /** Whoever read the captions is gone: there is nothing left to do. */
  outputClosed(): void {
    this.#end('output-closed')
    this.#leaving.resolve('left')
  }

  /** Resolves with the exit code; what failed has been printed. */
  async run(): Promise<CaptionExit> {
    const left = this.#leaving.promise
    try {
      const code = await Promise.race([this.#work(), left])
      if (code !== 'left') return code
      this.#hasLeft = true
      return this.#stopped === 'output-closed' ? CAPTION_EXIT.outputClosed : CAPTION_EXIT.interrupted
    } finally {
      this.#stop.abort()
      this.#session?.destroy()
      this.#options.conversion.close()
      this.#options.printer.end()
    }
  }

  async #work(): Promise<CaptionExit> {
    const started = await this.#start().catch((thrown: unknown) => {
      if (!(thrown instanceof ParleyClientError)) throw thrown
      if (!this.#hasLeft) this.#options.printer.error(thrown)
      return exitOfStart(thrown)
    })
    if (typeof started === 'number') return started
    await this.#send(started)
    const isAnswered = await this.#finish(started)
    return this.#conclude(started, isAnswered)
  }

  async #start(): Promise<ParleySession> {
    const { target, format, conversion, language, clock, printer, refine, way } = this.#options
    const { udpEndpoint } = way
    const session = await createSession({
      ...target,
      clock,
      audio: format,
      udp: way.udp,
      resume: way.resume,
      ...(udpEndpoint ? { udpEndpoint } : {}),
      ...(language === undefined ? {} : { language }),
      ...(refine.captions ? { captions: refine.captions } : {}),
      ...(conversion.encoder ? { encoder: conversion.encoder } : {}),
      waitForPlaceMs: PLACE_WITHIN_MS,
      onWaiting: (why, waitMs) => printer.note(`${WAITING[why]}; trying again in ${(waitMs / 1_000).toFixed(1)} s`),
      signal: this.#stop.signal,
    })
    this.#session = session
    if (this.#hasLeft) {
      await session.close()
      throw new ParleyClientError('SESSION_CLOSED')
    }
    this.#listen(session)
    await session.connect()
    await this.#refined.able().catch(async (thrown: unknown) => {
      await session.close()
      throw thrown
    })
    this.#isStarted = true
    if (this.#options.wantsWatchLink) printer.watchLink((await session.createWatchLink()).pageUrl)
    return session
  }

  #listen(session: ParleySession): void {
    const { printer } = this.#options
    session.on('caption', (caption) => {
      if (caption.kind === 'partial') {
        this.#counter.partial(caption)
        printer.partial(caption)
        return
      }
      const lagMs = this.#lag.lagMs(caption.endMs, caption.receivedAtMs)
      this.#counter.final(caption, lagMs)
      printer.final(caption, lagMs)
    })
    this.#refined.listen(session)
    session.on('abandoned', ({ utterance, reason }) => {
      this.#counter.abandoned(utterance.index, reason)
      printer.abandoned(utterance.index, reason)
    })
    session.on('message', (message) => printer.message(message))
    session.on('speech', (state) => printer.speech(state))
    session.on('error', (error) => printer.error(error))
    session.on('transport', (transport) => {
      if (this.#options.way.udp === 'auto') printer.transport(transport)
    })
    session.on('missed', (range) => {
      this.#counter.missed(range.lastSeq - range.firstSeq + 1)
      printer.missed(range)
    })
    session.on('resumed', (resumed) => {
      this.#isInterrupted = false
      this.#lostMs += resumed.lostMs
      printer.resumed(resumed)
    })
    session.on('state', (state) => {
      if (isOver(state)) this.#end('session-over')
      if (state.kind !== 'reconnecting' || this.#isInterrupted) return
      this.#isInterrupted = true
      printer.interrupted(state.error)
    })
  }

  async #send(session: ParleySession): Promise<void> {
    const { source, format, conversion, clock, printer } = this.#options
    const { sampleRateHz, frameMs } = format
    try {
      await sendAtPace(
        resampled(source.samples(), conversion.resampler),
        {
          clock,
          sampleRateHz,
          frameMs,
          isLive: source.isLive,
          send: (samples) => session.sendPcm(samples),
          onSchedule: (mediaMs, dueMs) => this.#lag.anchor(mediaMs, dueMs),
        },
        this.#stop.signal,
      )
    } catch (thrown) {
      // The source broke off: what was sent is still answered.
      printer.note(`parley: reading ended early: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
    }
    if (source.isCutShort())
      printer.note('parley: the file ends before the size its header claims; all that is there was sent')
  }

  /** True when the platform has answered everything that was sent. */
  async #finish(session: ParleySession): Promise<boolean> {
    if (isOver(session.state)) return false
    const ending =
      this.#stopped === 'interrupted'
        ? session.endAudio({ deadlineMs: INTERRUPTED_END_DEADLINE_MS })
        : this.#endAudio(session)
    const interruption = this.#interruptedLater()
    try {
      const whole = ending.then(() => (this.#stopped === 'interrupted' ? undefined : this.#refined.heardOut()))
      const outcome = await Promise.race([whole, interruption.promise])
      return outcome !== 'too-late'
    } catch (thrown) {
      if (!isOver(session.state) && thrown instanceof ParleyClientError) this.#options.printer.error(thrown)
      return false
    } finally {
      interruption.dispose()
      ending.catch(() => {})
    }
  }

  /** The deadline counts from the last time the connection was made: while it is broken nobody can answer. */
  async #endAudio(session: ParleySession): Promise<void> {
    for (;;) {
      const { resumptions } = session.stats
      try {
        await session.endAudio({ deadlineMs: END_DEADLINE_MS })
        return
      } catch (thrown) {
        const wasInterrupted = this.#isInterrupted || session.stats.resumptions > resumptions
        const isLate = thrown instanceof ParleyClientError && thrown.code === 'DEADLINE_EXCEEDED'
        if (!isLate || !wasInterrupted || isOver(session.state)) throw thrown
      }
    }
  }

  /** Ctrl-C while the end is awaited: from then on the short deadline counts. */
  #interruptedLater(): { readonly promise: Promise<'too-late'>; dispose(): void } {
    const { promise, resolve } = Promise.withResolvers<'too-late'>()
    if (this.#stopped === 'interrupted') return { promise, dispose() {} }
    const { clock } = this.#options
    const { signal } = this.#stop
    let cancel = (): void => {}
    const onAbort = (): void => {
      const timer = clock.after(INTERRUPTED_END_DEADLINE_MS, () => resolve('too-late'))
      cancel = () => timer.cancel()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    return {
      promise,
      dispose() {
        signal.removeEventListener('abort', onAbort)
        cancel()
      },
    }
  }

  async #conclude(session: ParleySession, isAnswered: boolean): Promise<CaptionExit> {
    if (this.#hasLeft) return CAPTION_EXIT.interrupted
    const { printer, format } = this.#options
    const end = session.state
    if (end.kind === 'lost') printer.error(end.error)
    if (end.kind === 'closed') {
      printer.error(
        end.error ??
          new ParleyClientError('SESSION_CLOSED', {
            detail: `the platform ended the session: ${end.message}`,
            hop: 'pod',
          }),
      )
    }
    const { mediaTime, framesDropped, resumptions, resentMs } = session.stats
    const droppedMs = framesDropped * format.frameMs + this.#lostMs
    const refined = await this.#refined.finish()
    const way = {
      interruptions: resumptions,
      resentMs,
      transport: session.transport.kind,
      ...(refined ? { refined } : {}),
    }
    const summary = this.#counter.result((mediaTime * 1000) / format.sampleRateHz, droppedMs, way)
    await session.close()
    printer.summary(summary)
    if (this.#stopped === 'interrupted') return CAPTION_EXIT.interrupted
    if (isOver(end)) return CAPTION_EXIT.lost
    const isWhole = summary.unanswered === 0 && summary.droppedMs === 0 && this.#refined.failed === 0
    const isComplete = isAnswered && isWhole
    return isComplete ? CAPTION_EXIT.ok : CAPTION_EXIT.unanswered
  }

  #end(why: Stop): void {
    this.#stopped ??= why
    this.#stop.abort()
  }
}
