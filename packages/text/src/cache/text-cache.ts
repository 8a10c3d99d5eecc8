// The one cache of translations and polished texts (TX4). Partials are kept apart from finals, in a small part of the room and for a short
// time: a talker makes many partials that nobody says again, and they must not push out the sentences that are.
import type { CallClass } from '../budgets/limits.ts'
import { CacheKeys, type CacheSubject } from './cache-key.ts'
import { LruStore } from './lru-store.ts'

export interface CachedText {
  readonly text: string
  readonly engine: string
  readonly via?: readonly string[]
  readonly changedWords?: number
}

export interface TextCacheOptions {
  /** Both parts together; 0 = nothing is kept. */
  readonly maxBytes: number
  /** Of finals. */
  readonly keepMs: number
  /** What keys are derived from: of this process alone, or of the fleet whose pods share texts; never stored. */
  readonly secret: Uint8Array
}

export interface CacheUse {
  readonly entries: number
  readonly bytes: number
  readonly evicted: number
  readonly hits: number
  readonly misses: number
}

const PARTIALS_SHARE = 1 / 4
const PARTIALS_KEEP_MS = 120_000
/** An answer of an engine that was only asked because a better one could not be is used for so long. */
const SECOND_BEST_KEEP_MS = 60_000

interface Part {
  readonly store: LruStore<CachedText>
  readonly keepMs: number
  hits: number
  misses: number
}

export class TextCache {
  readonly #keys: CacheKeys
  readonly #parts: Readonly<Record<CallClass, Part>>
  readonly maxBytes: number

  constructor({ maxBytes, keepMs, secret }: TextCacheOptions) {
    this.#keys = new CacheKeys(secret)
    this.maxBytes = maxBytes
    const part = (share: number, partKeepMs: number): Part => ({
      store: new LruStore(Math.floor(maxBytes * share)),
      keepMs: partKeepMs,
      hits: 0,
      misses: 0,
    })
    this.#parts = {
      partial: part(PARTIALS_SHARE, Math.min(keepMs, PARTIALS_KEEP_MS)),
      final: part(1 - PARTIALS_SHARE, keepMs),
    }
  }

  /** What a text of a tenant is known by, here and to who shares calls. */
  keyOf(tenant: string, subject: CacheSubject): string {
    return this.#keys.keyOf(tenant, subject)
  }

  /**
   * An answer to the same text, from either part: the last partial of an utterance often is its final. What a final takes from the partials is
   * kept as a final from then on.
   */
  get(key: string, callClass: CallClass, nowMs: number): CachedText | undefined {
    const found = this.#find(key, callClass, nowMs)
    const part = this.#parts[callClass]
    if (found) part.hits++
    else part.misses++
    return found
  }

  #find(key: string, callClass: CallClass, nowMs: number): CachedText | undefined {
    const { partial, final } = this.#parts
    const known = final.store.get(key, nowMs)
    if (known || callClass === 'partial') return known ?? partial.store.get(key, nowMs)
    const promoted = partial.store.get(key, nowMs)
    if (promoted) this.set(key, 'final', promoted, nowMs, false)
    return promoted
  }

  /** `isSecondBest`: by another engine than the first in the order. */
  set(key: string, callClass: CallClass, answer: CachedText, nowMs: number, isSecondBest: boolean): void {
    const { store, keepMs } = this.#parts[callClass]
    const untilMs = nowMs + (isSecondBest ? Math.min(keepMs, SECOND_BEST_KEEP_MS) : keepMs)
    store.set(key, answer, sizeOf(answer), untilMs)
  }

  use(callClass: CallClass): CacheUse {
    const { store, hits, misses } = this.#parts[callClass]
    return { entries: store.size, bytes: store.bytes, evicted: store.evicted, hits, misses }
  }

  clear(): void {
    for (const { store } of Object.values(this.#parts)) store.clear()
  }
}

/** Strings take up to two bytes per unit. */
const sizeOf = ({ text, engine }: CachedText): number => 2 * (text.length + engine.length)
