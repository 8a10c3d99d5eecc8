// What this client wants to be made of captions: a whole set with a version that rises (desired state), sent as often as the platform takes
// it and again until it is answered. Pure but for the numbers it keeps.
import type { CaptionSet, PolishMode } from '@parley/protocol'
import { ParleyClientError } from './errors.ts'

export interface CaptionWish {
  /** BCP 47 tags of languages the captions are wanted in, beside the spoken one; 8 at most. None unless told. */
  readonly translateTo?: readonly string[]
  /** Mended text as later revisions; `off` unless told. Watchers get what the owner asked for. */
  readonly polish?: PolishMode
  /** Languages in which finals are to be heard, as events `voice`. None unless told. */
  readonly speak?: readonly string[]
}

/** Changes are sent at most this often, ms: of several in between the last counts. */
export const CAPTIONS_GAP_MS = 200
/** Not answered for so long it is sent again, ms. */
export const CAPTIONS_ANSWER_MS = 3_000
const MAX_LANGUAGES = 8
const TAG = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/
const MAX_TAG_CHARS = 35
const POLISH: readonly string[] = ['off', 'finals', 'partials'] satisfies PolishMode[]

export class DesiredCaptions {
  #version = 0
  #wish: Omit<CaptionSet, 'version'> | undefined
  #sentVersion = 0
  #answeredVersion = 0
  #sentAtMs = Number.NEGATIVE_INFINITY

  /** Is anything wanted of each final that may take its time? */
  get wantsMore(): boolean {
    const wish = this.#wish
    return wish !== undefined && (wish.translateTo.length > 0 || wish.speak.length > 0 || wish.polish !== 'off')
  }

  /** Throws INVALID_FIELD when it cannot be asked for. */
  want(wish: CaptionWish): void {
    const { translateTo = [], polish = 'off', speak = [] } = wish
    checkTags('translateTo', translateTo)
    checkTags('speak', speak)
    if (!POLISH.includes(polish)) throw invalid('polish', String(polish), `one of ${POLISH.join(', ')}`)
    this.#version++
    this.#wish = { translateTo: [...new Set(translateTo)], polish, speak: [...new Set(speak)] }
  }

  /** The set as hello carries it; undefined while nothing was ever asked for: nothing. */
  sentWithHello(nowMs: number): CaptionSet | undefined {
    this.#answeredVersion = 0
    return this.#sent(nowMs)
  }

  /** What is to be sent at `nowMs`, if anything. */
  due(nowMs: number): CaptionSet | undefined {
    const isNew = this.#sentVersion < this.#version
    const sinceMs = nowMs - this.#sentAtMs
    const isUnanswered = this.#answeredVersion < this.#sentVersion && sinceMs >= CAPTIONS_ANSWER_MS
    return (isNew && sinceMs >= CAPTIONS_GAP_MS) || isUnanswered ? this.#sent(nowMs) : undefined
  }

  /** What is in force has this version: a newer one than ours was there, and ours is asked for above it. */
  onSet(version: number): void {
    this.#answeredVersion = Math.max(this.#answeredVersion, version)
    if (version > this.#version && this.#wish) this.#version = version + 1
  }

  #sent(nowMs: number): CaptionSet | undefined {
    if (!this.#wish) return undefined
    this.#sentVersion = this.#version
    this.#sentAtMs = nowMs
    return { version: this.#version, ...this.#wish }
  }
}

function checkTags(field: string, tags: readonly string[]): void {
  if (tags.length > MAX_LANGUAGES) throw invalid(field, `${tags.length} languages`, `${MAX_LANGUAGES} at most`)
  const wrong = tags.find((tag) => !TAG.test(tag) || tag.length > MAX_TAG_CHARS)
  if (wrong !== undefined) throw invalid(field, wrong, 'BCP 47 tags such as es or pt-BR')
}

function invalid(field: string, value: string, allowed: string): ParleyClientError {
  return new ParleyClientError('INVALID_FIELD', { detail: `${field} must be ${allowed}, got ${value}`, field, value })
}
