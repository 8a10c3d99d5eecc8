// Recognition of a whole recording: handed on as fast as it is recognised, answered when all of it is final.
import { setImmediate } from 'node:timers/promises'
import { createResampler, type Resampler } from '@parley/audio'
import { type Clock, err, ok, type Result, withDeadline } from '@parley/kernel'
import type { ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { flushUnanswered, streamBroke, streamNotOpened } from './asr-errors.ts'
import { AsrFeed, type FeedTarget } from './asr-feed.ts'
import { FLUSH_DEADLINE_MS } from './asr-flushes.ts'
import type { AudioFile } from './audio-file.ts'
import type { AudioReader } from './audio-reader.ts'
import {
  BACKEND_RATE_HZ,
  type RecogniseBackend,
  type RecognisedFinal,
  type RecogniseListener,
  type RecogniseStream,
} from './backends.ts'
import { waitForSlot } from './slot-wait.ts'

const OPEN_DEADLINE_MS = 12_000
/** The window has room for at least this much before it is used again. */
const MIN_ROOM_MS = 100

export interface FileWish {
  readonly clock: Clock
  readonly logger: Logger
  /** For logs. */
  readonly connectionId: string
  readonly backend: RecogniseBackend
  readonly file: AudioFile
  /** BCP 47 tag; the backend's first unless told. */
  readonly language?: string | undefined
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** Each final as it comes. */
  readonly onFinal?: (final: RecognisedFinal) => void
}

export interface FileTranscript {
  readonly language: string
  readonly durationMs: number
  readonly finals: readonly RecognisedFinal[]
}

/** Undefined: nobody waits any more. The slot is free when this resolves. */
export async function recogniseFile(wish: FileWish): Promise<Result<FileTranscript, ParleyError> | undefined> {
  const { clock, backend, file, signal } = wish
  const language = wish.language ?? backend.languages()[0] ?? 'en'
  const run = new FileRun(wish)
  const stream = await openStream(wish, language, run)
  if (!stream?.ok) return stream
  let reader: AudioReader | undefined
  let resampler: Resampler | undefined
  try {
    reader = await file.open()
    resampler = await createResampler(reader.sampleRateHz, BACKEND_RATE_HZ)
    const problem = await run.hear(new AsrFeed(reader, clock.nowMs()), { stream: stream.value, resampler })
    if (signal.aborted) return undefined
    return problem ? err(problem) : ok({ language, durationMs: file.durationMs, finals: run.finals })
  } finally {
    reader?.close()
    resampler?.close()
    await stream.value.close()
  }
}

async function openStream(
  { clock, backend, connectionId, signal, logger }: FileWish,
  language: string,
  listener: RecogniseListener,
): Promise<Result<RecogniseStream, ParleyError> | undefined> {
  const late = new AbortController()
  const either = AbortSignal.any([late.signal, signal])
  const options = { connectionId, language, firstIndex: 0 }
  const opening = waitForSlot(
    clock,
    () => either.aborted,
    () => backend.open(options, listener, either),
  )
  return withDeadline(clock, OPEN_DEADLINE_MS, 'opening a stream', opening).catch((error: unknown) => {
    // What still comes of it is the backend's to close.
    late.abort()
    logger.error({ err: error, connectionId }, 'a stream could not be opened')
    return err(streamNotOpened())
  })
}

class FileRun implements RecogniseListener {
  readonly finals: RecognisedFinal[] = []
  readonly #wish: FileWish
  #feed: AsrFeed | undefined
  #isFlushed = false
  #failure: ParleyError | undefined
  #wake: (() => void) | undefined

  constructor(wish: FileWish) {
    this.#wish = wish
    wish.signal.addEventListener('abort', () => this.#wake?.(), { once: true })
  }

  /** Resolves when all is final, when it failed (with why), or when nobody waits any more. */
  async hear(feed: AsrFeed, target: FeedTarget): Promise<ParleyError | undefined> {
    this.#feed = feed
    const { file, clock } = this.#wish
    const pieceBytes = Math.min(feed.reader.pieceBytes, file.data.byteLength)
    for (let at = 0; at < file.data.byteLength && !this.#isOver; ) {
      const roomMs = feed.roomMs(clock.nowMs())
      if (roomMs <= 0) {
        await this.#news(MIN_ROOM_MS - roomMs)
        continue
      }
      const problem = feed.push(target, file.data.subarray(at, at + pieceBytes), clock.nowMs())
      if (problem) return problem
      at += pieceBytes
      // Others get their turn: a whole recording may be decoded in one go.
      await setImmediate()
    }
    if (this.#isOver) return this.#failure
    feed.flush(target)
    target.stream.flush(1)
    const flushed = this.#flushed()
    return withDeadline(clock, FLUSH_DEADLINE_MS, 'the end of a recording', flushed).catch(() =>
      flushUnanswered('flush', FLUSH_DEADLINE_MS),
    )
  }

  async #flushed(): Promise<ParleyError | undefined> {
    while (!this.#isFlushed && !this.#isOver) await this.#news(FLUSH_DEADLINE_MS)
    return this.#failure
  }

  get #isOver(): boolean {
    return this.#failure !== undefined || this.#wish.signal.aborted
  }

  /** Resolves when something has been told, or after `withinMs`. */
  #news(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#wish.clock.after(withinMs, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  // ---- from recognition ----

  onPartial({ endMs }: { readonly endMs: number }): void {
    this.#reached(endMs)
  }
  onFinal(final: RecognisedFinal): void {
    this.finals.push(final)
    this.#wish.onFinal?.(final)
    this.#reached(final.endMs)
  }
  onAbandoned(): void {}
  onSettled(mediaMs: number): void {
    this.#reached(mediaMs)
  }
  onFlushed(): void {
    this.#isFlushed = true
    this.#wake?.()
  }
  onState(): void {}
  onFailed(reason: string): void {
    const { connectionId, logger } = this.#wish
    logger.warn({ connectionId, reason }, 'the stream of a recording failed')
    this.#failure = streamBroke(this.#feed?.audioMs ?? 0)
    this.#wake?.()
  }

  #reached(mediaMs: number): void {
    this.#feed?.reach(mediaMs, this.#wish.clock.nowMs())
    this.#wake?.()
  }
}
