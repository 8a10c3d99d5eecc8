// What another pod has had translated or mended already: finals in a store that the pods of a fleet share, sealed, for as long as the cache keeps them.
// Never in the way: a store that is slow or away is a miss, and is left alone for a moment.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { type Clock, type Result, withDeadline } from '@parley/kernel'
import type { CachedText } from './text-cache.ts'

/** Values under keys, each until its time is over. Neither method rejects; both may take seconds. */
export interface SharedTextStore {
  get(key: string): Promise<Result<string | undefined, { readonly message: string }>>
  set(key: string, value: string, keepMs: number): Promise<Result<void, { readonly message: string }>>
}

export interface SharedTextsOptions {
  readonly clock: Clock
  readonly store: SharedTextStore
  /** The same for all pods of a fleet, and known to nobody else. */
  readonly secret: Uint8Array
  readonly keepMs: number
}

export interface SharedUse {
  readonly hits: number
  readonly misses: number
  /** Not answered in time, or not asked because that had just happened. */
  readonly passed: number
  readonly kept: number
}

/** A final waits so long for an answer; then it goes to an engine. */
export const LOOK_MS = 30
/** Left alone for so long after it has not answered. */
export const REST_MS = 1_000
/** Calls under way of each kind; one more is not made. */
export const MAX_UNDER_WAY = 64
/** Longer ones are not shared. */
const MAX_VALUE_BYTES = 16_384
const IV_BYTES = 12
const TAG_BYTES = 16

export class SharedTexts {
  readonly #options: SharedTextsOptions
  readonly #key: Buffer
  readonly #use = { hits: 0, misses: 0, passed: 0, kept: 0 }
  readonly #underWay = { looks: 0, keeps: 0 }
  #restsUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: SharedTextsOptions) {
    this.#options = options
    this.#key = Buffer.from(hkdfSync('sha256', options.secret, '', 'parley shared texts', 32))
  }

  /** `key`: of the cache. Answers within LOOK_MS and a moment; rejects never. */
  async find(key: string): Promise<CachedText | undefined> {
    if (this.#isResting || this.#underWay.looks >= MAX_UNDER_WAY) {
      this.#use.passed++
      return undefined
    }
    this.#underWay.looks++
    const asking = this.#options.store.get(nameOf(key)).finally(() => this.#underWay.looks--)
    const answer = await withDeadline(this.#options.clock, LOOK_MS, 'looking for a shared text', asking).catch(
      () => undefined,
    )
    if (!answer?.ok) {
      this.#rest()
      this.#use.passed++
      return undefined
    }
    const found = answer.value === undefined ? undefined : this.#open(key, answer.value)
    if (found) this.#use.hits++
    else this.#use.misses++
    return found
  }

  /** Nobody waits for it; it may come to nothing. */
  keep(key: string, answer: CachedText): void {
    const value = this.#seal(key, answer)
    if (this.#isResting || this.#underWay.keeps >= MAX_UNDER_WAY || value.length > MAX_VALUE_BYTES) return
    const { store, keepMs } = this.#options
    this.#underWay.keeps++
    void store.set(nameOf(key), value, keepMs).then((kept) => {
      this.#underWay.keeps--
      if (kept.ok) this.#use.kept++
      else this.#rest()
    })
  }

  use(): SharedUse {
    return { ...this.#use }
  }

  get #isResting(): boolean {
    return this.#options.clock.nowMs() < this.#restsUntilMs
  }

  #rest(): void {
    this.#restsUntilMs = this.#options.clock.nowMs() + REST_MS
  }

  #seal(key: string, answer: CachedText): string {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv)
    cipher.setAAD(Buffer.from(key, 'latin1'))
    const sealed = Buffer.concat([cipher.update(JSON.stringify(answer), 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64')
  }

  /** Undefined: it was sealed by another fleet, or is no answer of this version. */
  #open(key: string, value: string): CachedText | undefined {
    try {
      const bytes = Buffer.from(value, 'base64')
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, IV_BYTES))
      decipher.setAAD(Buffer.from(key, 'latin1'))
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
      const text = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()])
      const answer = JSON.parse(text.toString('utf8')) as CachedText
      return typeof answer.text === 'string' && typeof answer.engine === 'string' ? answer : undefined
    } catch {
      return undefined
    }
  }
}

/** Keys of the cache are bytes; names in a store are letters. */
const nameOf = (key: string): string => Buffer.from(key, 'latin1').toString('base64url')
