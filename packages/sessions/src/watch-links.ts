// The watch links of one session: which exist, until when. Tokens are signed elsewhere; a link that is not listed here is void.
import type { WatchLinkId } from '@parley/protocol'

/** Links of one session that may be valid at a time. */
export const MAX_WATCH_LINKS = 256

export class WatchLinks {
  /** link -> expiry, wall clock ms. */
  readonly #links = new Map<WatchLinkId, number>()
  #changes = 0

  get size(): number {
    return this.#links.size
  }
  /** Rises with each link that comes or is revoked. */
  get changes(): number {
    return this.#changes
  }

  /** Those that are valid. */
  valid(wallMs: number): { readonly linkId: WatchLinkId; readonly expiresAtMs: number }[] {
    return [...this.#links].flatMap(([linkId, expiresAtMs]) => (expiresAtMs > wallMs ? [{ linkId, expiresAtMs }] : []))
  }

  /** False when there are MAX_WATCH_LINKS valid ones already; expired ones make room. */
  add(linkId: WatchLinkId, expiresAtMs: number, wallMs: number): boolean {
    if (this.#links.size >= MAX_WATCH_LINKS) {
      for (const [known, untilMs] of this.#links) if (untilMs <= wallMs) this.#links.delete(known)
      if (this.#links.size >= MAX_WATCH_LINKS) return false
    }
    this.#links.set(linkId, expiresAtMs)
    this.#changes++
    return true
  }

  /** Wall clock ms at which the link ends; undefined when it is void. */
  validUntil(linkId: WatchLinkId, wallMs: number): number | undefined {
    const untilMs = this.#links.get(linkId)
    return untilMs !== undefined && untilMs > wallMs ? untilMs : undefined
  }

  /** False when there is no such link. */
  revoke(linkId: WatchLinkId): boolean {
    this.#changes++
    return this.#links.delete(linkId)
  }
}
