// Decoders loaded and waiting. Keeps as many as there are slots, loads one at a time so that live decoding is not starved, and
// replaces those that broke. Hands each to one owner; who the owner is and what it says is not known here.
import type { Result } from '@parley/kernel'
import { err, ok } from '@parley/kernel'
import type { Decoder } from './decoder.ts'
import type { EngineProblem } from './library.ts'

/** What the pool needs of a decoder. */
export type PooledDecoder = Pick<Decoder, 'isReusable' | 'forgetSpeaker' | 'free'>

type Waiter<D> = (outcome: Result<D, EngineProblem>) => void

export interface DecoderPoolOptions<D extends PooledDecoder> {
  readonly size: number
  readonly load: () => Promise<Result<D, EngineProblem>>
  /** Told when loading failed or works again. */
  readonly onProblem: (problem: EngineProblem | undefined) => void
}

export class DecoderPool<D extends PooledDecoder> {
  readonly #options: DecoderPoolOptions<D>
  readonly #warm: D[] = []
  readonly #lent = new Set<D>()
  /** Owners of a slot whose decoder is being loaded; never more than `size`. */
  readonly #waiters: Waiter<D>[] = []
  #spareWaiter: Waiter<D> | undefined
  #size: number
  #loading: Promise<void> | undefined
  #isClosed = false

  constructor(options: DecoderPoolOptions<D>) {
    this.#options = options
    this.#size = options.size
  }

  get warm(): number {
    return this.#warm.length
  }

  /** Decoders there are: warm and lent. */
  get count(): number {
    return this.#warm.length + this.#lent.size
  }

  /** From now on `size` decoders: missing ones are loaded, warm ones too many are freed, lent ones when they come back. */
  async resize(size: number): Promise<void> {
    this.#size = size
    const tooMany = Math.max(0, Math.min(this.count - size, this.#warm.length))
    const freed = this.#warm.splice(this.#warm.length - tooMany)
    if (this.count > 0) this.#loadMissing()
    await Promise.all(freed.map((decoder) => decoder.free()))
  }

  /** Loads until the pool is full, one after another. Resolves when the first is there, or with why it cannot be. */
  async fill(): Promise<Result<void, EngineProblem>> {
    if (this.count > 0) {
      this.#loadMissing()
      return ok(undefined)
    }
    const first = await this.take()
    if (!first.ok) return first
    await this.giveBack(first.value, true)
    return ok(undefined)
  }

  /**
   * A decoder with no memory of anybody. Waits for one being loaded when all warm ones are lent; the caller holds one of
   * `size` slots, so there is always one coming unless loading fails.
   */
  take(): Promise<Result<D, EngineProblem>> {
    if (this.#isClosed) return Promise.resolve(err({ message: 'the recogniser is closed' }))
    const decoder = this.#warm.pop()
    if (decoder) {
      this.#lent.add(decoder)
      return Promise.resolve(ok(decoder))
    }
    const waiting = new Promise<Result<D, EngineProblem>>((resolve) => this.#waiters.push(resolve))
    this.#loadMissing()
    return waiting
  }

  /**
   * A decoder that no owner of a slot would miss: waits until there is one more than that. One caller at a time; the pool must be larger
   * than there are slots.
   */
  takeSpare(): Promise<Result<D, EngineProblem>> {
    if (this.#isClosed || this.#spareWaiter) return Promise.resolve(err({ message: 'there is no decoder to spare' }))
    const waiting = new Promise<Result<D, EngineProblem>>((resolve) => {
      this.#spareWaiter = resolve
    })
    this.#lendSpare()
    this.#loadMissing()
    return waiting
  }

  /** Ends a loan. A decoder that broke, or that cannot forget its speaker, is freed and another one loaded. */
  async giveBack(decoder: D, isHealthy: boolean): Promise<void> {
    if (!this.#lent.delete(decoder)) return
    if (this.#isClosed || !isHealthy || !decoder.isReusable || this.count >= this.#size) {
      await decoder.free()
      this.#loadMissing()
      return
    }
    decoder.forgetSpeaker()
    this.#put(decoder)
    this.#loadMissing()
  }

  /** Frees the warm ones and waits for a load that is under way; lent ones are freed when they come back. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const waiter of this.#everyWaiter()) waiter(err({ message: 'the recogniser is closed' }))
    await this.#loading
    await Promise.all(this.#warm.splice(0).map((decoder) => decoder.free()))
  }

  #put(decoder: D): void {
    const waiter = this.#waiters.shift()
    if (waiter) {
      this.#lent.add(decoder)
      waiter(ok(decoder))
    } else this.#warm.push(decoder)
    this.#lendSpare()
  }

  #lendSpare(): void {
    const waiter = this.#spareWaiter
    if (!waiter || this.#warm.length === 0 || (this.#warm.length < 2 && this.count < this.#size)) return
    const decoder = this.#warm.pop() as D
    this.#spareWaiter = undefined
    this.#lent.add(decoder)
    waiter(ok(decoder))
  }

  #everyWaiter(): Waiter<D>[] {
    const waiters = this.#waiters.splice(0)
    if (this.#spareWaiter) waiters.push(this.#spareWaiter)
    this.#spareWaiter = undefined
    return waiters
  }

  #loadMissing(): void {
    if (this.#loading || this.#isClosed || this.count >= this.#size) return
    this.#loading = this.#loadOne().finally(() => {
      this.#loading = undefined
    })
    void this.#loading.then((): void => {
      // After a failure only somebody who waits starts another attempt: no loop over a missing model.
      if (!this.#hasFailed || this.#waiters.length > 0) this.#loadMissing()
    })
  }

  #hasFailed = false

  async #loadOne(): Promise<void> {
    const outcome = await this.#options.load().catch((error: unknown) => err({ message: String(error) }))
    this.#hasFailed = !outcome.ok
    if (outcome.ok) {
      if (this.#isClosed || (this.count >= this.#size && this.#waiters.length === 0)) await outcome.value.free()
      else this.#put(outcome.value)
    } else {
      for (const waiter of this.#everyWaiter()) waiter(outcome)
    }
    this.#options.onProblem(outcome.ok ? undefined : outcome.error)
  }
}
