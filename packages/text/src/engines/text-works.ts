// The texts an engine has taken: each settles once, by its answer, its deadline, whoever asked, or the end of the engine. Bounded: more
// texts than that, or longer ones all together, are turned away.
import { type Clock, err, type Result, type Timer } from '@parley/kernel'
import { MAX_TEXT_BYTES, type TextAnswer, type TextFailure } from '../text-engine.ts'

const MAX_TEXTS = 2_048
const MAX_HELD_BYTES = 64 * 1024 * 1024
const BUSY_RETRY_MS = 500

export type TextOutcomeOf = Result<TextAnswer, TextFailure>

export interface TextWork {
  /** Only the first call counts. */
  settle(outcome: TextOutcomeOf): void
  /** Called when it settles: what was under way for it is nobody's any more. */
  leave: () => void
  readonly isOver: boolean
}

interface Request {
  readonly text: string
  readonly deadlineMs: number
}

export class TextWorks {
  readonly #clock: Clock
  readonly #engine: string
  readonly #works = new Set<TextWork>()
  #heldBytes = 0

  constructor(clock: Clock, engine: string) {
    this.#clock = clock
    this.#engine = engine
  }

  /** Why `request` is not taken now. */
  refusal({ text }: Request, signal: AbortSignal | undefined): TextFailure | undefined {
    if (signal?.aborted) return CANCELLED
    const bytes = Buffer.byteLength(text)
    if (bytes > MAX_TEXT_BYTES) {
      return {
        code: 'TEXT_INVALID',
        message: `text has ${bytes} bytes; ${this.#engine} takes at most ${MAX_TEXT_BYTES}`,
      }
    }
    if (this.#works.size < MAX_TEXTS && this.#heldBytes + bytes <= MAX_HELD_BYTES) return undefined
    return { code: 'BUSY', message: `too many texts wait for ${this.#engine}`, retryAfterMs: BUSY_RETRY_MS }
  }

  run(request: Request, signal: AbortSignal | undefined, begin: (work: TextWork) => void): Promise<TextOutcomeOf> {
    const { promise, resolve } = Promise.withResolvers<TextOutcomeOf>()
    const bytes = Buffer.byteLength(request.text)
    let timer: Timer | undefined
    let isOver = false
    const onAbort = () => work.settle(err(CANCELLED))
    const work: TextWork = {
      get isOver() {
        return isOver
      },
      leave: () => {},
      settle: (outcome) => {
        if (isOver) return
        isOver = true
        this.#works.delete(work)
        this.#heldBytes -= bytes
        timer?.cancel()
        signal?.removeEventListener('abort', onAbort)
        work.leave()
        resolve(outcome)
      },
    }
    this.#works.add(work)
    this.#heldBytes += bytes
    signal?.addEventListener('abort', onAbort, { once: true })
    timer = this.#clock.after(request.deadlineMs, () => {
      const message = `${this.#engine} did not answer within ${request.deadlineMs} ms`
      work.settle(err({ code: 'DEADLINE', message }))
    })
    begin(work)
    return promise
  }

  /** Settles what there is: the engine is being closed. */
  close(): void {
    const message = `${this.#engine} was closed`
    for (const work of [...this.#works]) work.settle(err({ code: 'ENGINE_UNAVAILABLE', message }))
  }
}

const CANCELLED: TextFailure = { code: 'CANCELLED', message: 'whoever asked does not want it any more' }
