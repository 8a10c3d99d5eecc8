// Whose pages may have sessions at this pod: those of the pods that are there, and of some that were. A page outlives the pod it came from; its session goes
// on at a pod that is left, and that one must not turn it away. Pure but for what it remembers.
import type { MemberStatus } from '@parley/fleet'
import { reachedUrl } from './addresses.ts'

/** Addresses of pods that are gone that are remembered; of more, those that left first are forgotten. */
export const MAX_GONE_PAGES = 32

export class PageOrigins {
  readonly #ownId: string
  readonly #urlOf: (member: MemberStatus) => string | undefined
  #there: readonly string[] = []
  /** In the order in which they were last seen. */
  readonly #gone = new Set<string>()

  constructor(ownId: string, urlOf: (member: MemberStatus) => string | undefined) {
    this.#ownId = ownId
    this.#urlOf = urlOf
  }

  /** `members`: as the directory knows them now, lost ones included. */
  learn(members: readonly MemberStatus[]): void {
    const pods = members.filter(({ kind, memberId }) => kind === 'pod' && memberId !== this.#ownId)
    const urls = (isLost: boolean) =>
      pods.filter(({ state }) => (state === 'lost') === isLost).flatMap((pod) => this.#urlOf(pod) ?? [])
    const before = this.#there
    this.#there = urls(false)
    for (const url of [...before, ...urls(true)]) this.#gone.add(url)
    for (const url of this.#there) this.#gone.delete(url)
    for (const url of [...this.#gone].slice(0, -MAX_GONE_PAGES)) this.#gone.delete(url)
  }

  /** For a caller that came to `host`. */
  seenFrom(host: string | undefined): readonly string[] {
    const origins = [...this.#there, ...this.#gone].flatMap((url) => URL.parse(reachedUrl(url, host))?.origin ?? [])
    return [...new Set(origins)]
  }
}
