// Which of this pod's links the next stream goes over: turns links into candidates and asks the policy. Counts the turns.
import { type Candidate, eligible, leastConnections, sticky } from '@parley/placement'
import type { SlotCounts } from './slot-book.ts'
import type { WorkerLink } from './worker-link.ts'

export type PlacementPolicy = 'least-connections' | 'sticky'

export interface PlaceWish<Book extends SlotCounts = SlotCounts> {
  /** False when that worker cannot do the work at all (language, voice, engine). */
  fits(link: WorkerLink): boolean
  /** Where slots of this kind of work are counted. */
  book(link: WorkerLink): Book
  /** What `sticky` goes by; without one the least connections decide. */
  readonly affinityKey?: string | undefined
}

export interface LinkCandidate extends Candidate {
  readonly link: WorkerLink
}

export class StreamPlacer {
  readonly #links: () => Iterable<WorkerLink>
  readonly #policy: PlacementPolicy
  #turn = 0

  constructor(links: () => Iterable<WorkerLink>, policy: PlacementPolicy) {
    this.#links = links
    this.#policy = policy
  }

  /** Undefined when no worker takes it now. The caller takes the slot before it asks again. */
  pick(wish: PlaceWish, accepts: (link: WorkerLink) => boolean = () => true): WorkerLink | undefined {
    return this.#pick(
      wish,
      eligible(this.candidates(wish)).filter(({ link }) => accepts(link)),
    )
  }

  /** The same for what was admitted before and has lost its worker: it may also go to one that is out, when no other has room. */
  pickUrgently(wish: PlaceWish): WorkerLink | undefined {
    return this.#pick(wish, eligible(this.candidates(wish), true))
  }

  /** Whether `pick` would find one. */
  hasRoom(wish: PlaceWish): boolean {
    return eligible(this.candidates(wish)).length > 0
  }

  #pick(wish: PlaceWish, candidates: readonly LinkCandidate[]): WorkerLink | undefined {
    const { affinityKey } = wish
    const picked =
      this.#policy === 'sticky' && affinityKey !== undefined
        ? sticky(candidates, affinityKey)
        : leastConnections(candidates, this.#turn++)
    return picked?.link
  }

  /** The links that are up and can do the work, with or without room. */
  candidates(wish: PlaceWish): readonly LinkCandidate[] {
    const candidates: LinkCandidate[] = []
    for (const link of this.#links()) {
      if (!link.isUp || !wish.fits(link)) continue
      const { slots, used } = wish.book(link)
      const {
        key: id,
        report: { state, ageMs },
      } = link
      candidates.push({ id, slots, used, reserved: 0, state, standing: link.health.standing, ageMs, link })
    }
    return candidates
  }
}
