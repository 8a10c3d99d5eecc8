// Where the recognition endpoint meets this worker's own recogniser.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { Recogniser, RecognitionListener, RecognitionStream } from '@parley/speech'
import type { OpenRecognition, RecogniseBackend, RecogniseListener, RecogniseStream } from '@parley/stream-endpoints'
import type { LocalAccess } from '../endpoints-port.ts'
import { asError, notReady } from './role-refusal.ts'

export class RecogniserToAsr implements RecogniseBackend {
  readonly #access: LocalAccess
  readonly #recogniser: Recogniser
  readonly #open = new Set<LocalStream>()

  constructor(access: LocalAccess, recogniser: Recogniser) {
    this.#access = access
    this.#recogniser = recogniser
  }

  refusal(): ParleyError | undefined {
    return asError(this.#access.refusal('recognise')) ?? notReady(this.#recogniser.status())
  }

  languages(): readonly string[] {
    return this.#recogniser.status().languages
  }

  async open(
    { connectionId, language, firstIndex }: OpenRecognition,
    listener: RecogniseListener,
    signal: AbortSignal,
  ): Promise<Result<RecogniseStream, ParleyError>> {
    const refusal = this.refusal()
    if (refusal) return err(refusal)
    const opened = await this.#recogniser.openStream({ language, firstIndex, wantsWords: true }, adapt(listener))
    if (!opened.ok) {
      const { code, message, retryAfterMs } = opened.error
      const { languages } = this.#recogniser.status()
      const wrong = code === 'LANGUAGE_UNSUPPORTED' ? { field: 'language', value: language, allowed: languages } : {}
      const details = { message, ...wrong, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
      return err(new ParleyError(code, details))
    }
    const stream = new LocalStream(opened.value, (failure) => {
      this.#open.delete(stream)
      if (failure !== undefined) this.#access.logger.error({ err: failure, connectionId }, 'a stream did not close')
      this.#access.onSlotsChanged()
    })
    this.#open.add(stream)
    this.#access.onSlotsChanged()
    if (signal.aborted) void stream.close()
    return ok(stream)
  }

  /** Resolves when every stream is closed and its slot free. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((stream) => stream.close()))
  }
}

class LocalStream implements RecogniseStream {
  readonly #stream: RecognitionStream
  readonly #onClosed: (failure: unknown) => void
  #closing: Promise<void> | undefined

  constructor(stream: RecognitionStream, onClosed: (failure: unknown) => void) {
    this.#stream = stream
    this.#onClosed = onClosed
  }

  push(mediaMs: number, samples: Int16Array): void {
    this.#stream.push(mediaMs, samples)
  }
  flush(flushId: number): void {
    this.#stream.flush(flushId)
  }
  close(): Promise<void> {
    this.#closing ??= this.#stream.close().then(
      () => this.#onClosed(undefined),
      (failure: unknown) => this.#onClosed(failure),
    )
    return this.#closing
  }
}

function adapt(listener: RecogniseListener): RecognitionListener {
  return {
    onPartial: (partial) => listener.onPartial(partial),
    onFinal: ({ index, text, startMs, endMs, settledMs, words }) => {
      listener.onFinal({ index, text, startMs, endMs, words })
      listener.onSettled(settledMs)
    },
    onAbandoned: ({ index, reason, settledMs }) => {
      listener.onAbandoned({ index, reason })
      listener.onSettled(settledMs)
    },
    onSettled: (settledMs) => listener.onSettled(settledMs),
    onFlushed: (flushId) => listener.onFlushed(flushId),
    onFailed: (message) => listener.onFailed(message),
  }
}
