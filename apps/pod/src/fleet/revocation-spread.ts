// What one pod revokes holds at all of them: told to every other pod at once, again each second to those that have not confirmed it, and compared with
// one of the others each second, so that what was told by nobody is found. Needs no directory but the last list of pods it gave.
import { type Clock, ok, type Scope } from '@parley/kernel'
import {
  MAX_POD_REVOCATIONS_BYTES,
  POD_REVOCATIONS_PATH,
  type PodRevocations,
  PodRevocationsSchema,
} from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { MAX_REVOCATIONS, type Revocation, type Revocations } from '../identity/revocations.ts'
import type { Peer, PeerCalls } from './peer-calls.ts'
import { answering, type CallHandler, podCall } from './pod-call.ts'

export const REVOCATION_PERIOD_MS = 1_000
/** Pods that are told at a time. */
const MAX_AT_ONCE = 32

export const REVOCATIONS_CALL = podCall<PodRevocations, PodRevocations>(POD_REVOCATIONS_PATH, {
  asked: PodRevocationsSchema,
  answered: PodRevocationsSchema,
  maxAskedBytes: MAX_POD_REVOCATIONS_BYTES,
  maxAnsweredBytes: MAX_POD_REVOCATIONS_BYTES,
})

export interface RevocationSpreadOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly revocations: Revocations
  readonly peers: Pick<PeerCalls, 'ask'>
  /** Every other pod of the fleet, as last known. */
  readonly others: () => readonly Peer[]
  readonly logger: Logger
}

/** Answers what other pods tell. */
export function answerRevocations(revocations: Revocations): CallHandler {
  return answering(REVOCATIONS_CALL, async ({ digest, revoked }) => {
    revocations.add(revoked)
    const own = revocations.digest()
    return ok({ digest: own, revoked: own === digest ? [] : [...revocations.all()] })
  })
}

/** What a pod knew when it was asked last, and how much of the log it had been told then. */
interface Agreed {
  readonly digest: string
  readonly told: number
}

export class RevocationSpread {
  readonly #options: RevocationSpreadOptions
  readonly #agreed = new Map<string, Agreed>()
  /** What was added since the start, so that only news is told; of what is not in here any more everything is told. */
  readonly #log: Revocation[] = []
  #logBegins = 0
  readonly #underWay = new Map<string, Promise<void>>()
  #turn = 0

  constructor(options: RevocationSpreadOptions) {
    this.#options = options
    const { scope, revocations } = options
    scope.own(revocations.onAdded((added) => this.#onAdded(added)))
    scope.every(REVOCATION_PERIOD_MS, () => this.#tick())
  }

  /** Pods that are not known to know all that this one knows. */
  pending(): readonly string[] {
    const digest = this.#options.revocations.digest()
    const others = this.#options.others()
    return others.filter(({ podId }) => this.#agreed.get(podId)?.digest !== digest).map(({ podId }) => podId)
  }

  /** Tells everybody who has not confirmed; resolves when all have answered, or could not be reached. Rejects never. */
  async tell(): Promise<void> {
    const digest = this.#options.revocations.digest()
    const owed = this.#options.others().filter(({ podId }) => this.#agreed.get(podId)?.digest !== digest)
    for (let at = 0; at < owed.length; at += MAX_AT_ONCE) {
      await Promise.all(owed.slice(at, at + MAX_AT_ONCE).map((peer) => this.#agree(peer)))
    }
  }

  #onAdded(added: readonly Revocation[]): void {
    this.#log.push(...added)
    const surplus = this.#log.length - MAX_REVOCATIONS
    if (surplus > 0) this.#logBegins += this.#log.splice(0, surplus).length
    void this.tell()
  }

  #tick(): void {
    const others = this.#options.others()
    const there = new Set(others.map(({ podId }) => podId))
    for (const podId of this.#agreed.keys()) if (!there.has(podId)) this.#agreed.delete(podId)
    void this.tell()
    this.#turn++
    const peer = others[this.#turn % Math.max(1, others.length)]
    if (peer) void this.#agree(peer)
  }

  /** One at a time with each pod. */
  #agree(peer: Peer): Promise<void> {
    const { podId } = peer
    const before = this.#underWay.get(podId)
    if (before) return before
    const agreeing = this.#exchange(peer).finally(() => this.#underWay.delete(podId))
    this.#underWay.set(podId, agreeing)
    return agreeing
  }

  async #exchange(peer: Peer): Promise<void> {
    const { revocations } = this.#options
    // Twice at most: first what is new since it was asked last, then, when it still knows other things, all there is.
    for (let round = 0; round < 2; round++) {
      const digest = revocations.digest()
      const told = this.#logBegins + this.#log.length
      const known = await this.#ask(peer, { digest, revoked: [...this.#news(peer, digest, round)] })
      if (known === undefined) return
      revocations.add(known.revoked as readonly Revocation[])
      this.#agreed.set(peer.podId, { digest: known.digest, told })
      if (known.digest === revocations.digest()) return
    }
  }

  #news({ podId }: Peer, digest: string, round: number): readonly Revocation[] {
    const agreed = this.#agreed.get(podId)
    if (agreed?.digest === digest) return []
    const isLogged = agreed !== undefined && agreed.told >= this.#logBegins
    return round === 0 && isLogged ? this.#log.slice(agreed.told - this.#logBegins) : this.#options.revocations.all()
  }

  async #ask(peer: Peer, asked: PodRevocations): Promise<PodRevocations | undefined> {
    const { peers, logger } = this.#options
    const answer = await peers.ask(peer, REVOCATIONS_CALL, asked)
    if (answer.ok) return answer.value
    const why = answer.error.kind === 'refused' ? answer.error.error.message : answer.error.why
    logger.debug({ podId: peer.podId, why }, 'a pod was not told what is revoked')
    return undefined
  }
}
