// The directory of a fleet on many machines: Lua scripts in one Redis, whose clock is the only one that counts.
import { Emitter, err, ok, type Result } from '@parley/kernel'
import { hash32 } from '@parley/placement'
import type {
  Answer,
  ClaimRequest,
  DirectoryChange,
  DirectoryRefusal,
  DirectoryState,
  FleetDirectory,
  Joined,
  JoinRequest,
  LoadReport,
  Located,
  MemberCredentials,
  MemberOrders,
  MemberStatus,
  MoveRequest,
  Placement,
  PlacementWish,
  SessionCredentials,
} from '../directory.ts'
import type { FencingToken } from '../fencing-token.ts'
import { measured, placingRatio, wholeSeats } from '../memory/records.ts'
import {
  type AboutWhat,
  readChange,
  readLocated,
  readMembers,
  readOrders,
  readPlacement,
  readReclaimed,
  readRefusal,
  readToken,
} from './answers.ts'
import { memberKey, sessionKey } from './keys.ts'
import { RedisLink, type RedisLinkOptions } from './redis-link.ts'
import { SCRIPTS, type Script } from './scripts.ts'

/** Sessions in one call of `reclaim`: a script must not keep Redis from others for long. */
const MAX_RECLAIM = 500

type List = readonly string[]
type Args = readonly (string | number)[]

export class RedisDirectory implements FleetDirectory {
  readonly link: RedisLink
  readonly #events = new Emitter<{ change: DirectoryChange }>()

  constructor(options: RedisLinkOptions) {
    this.link = new RedisLink(options)
    this.link.on('message', (message) => {
      const change = readChange(message)
      if (change) this.#events.emit('change', change)
    })
    this.link.on('opened', () => this.#events.emit('change', { kind: 'resync' }))
  }

  get state(): DirectoryState {
    return this.link.state
  }

  get warnings(): readonly string[] {
    return this.link.warnings
  }

  onState(listener: (state: DirectoryState) => void): () => void {
    return this.link.on('state', listener)
  }

  watch(listener: (change: DirectoryChange) => void): () => void {
    return this.#events.on('change', listener)
  }

  join(request: JoinRequest): Answer<Joined> {
    const { memberId, kind, roles, urls, version } = request
    const args = [
      memberId,
      request.incarnation,
      JSON.stringify({ memberId, kind, roles, urls, version }),
      kind,
      `\n${roles.join('\n')}\n`,
      hash32(memberId),
      wholeSeats(request.ratedSeats),
      wholeSeats(request.unlistedSeats),
      request.leaseMs,
      ...seen(request),
      request.drainWithinMs ?? '',
      request.replaces ?? '',
    ]
    return this.#ask(SCRIPTS.join, memberKey(memberId), args, { memberId }, (list) => ({
      token: readToken(list, 1),
      orders: readOrders(list, 3),
    }))
  }

  report(by: MemberCredentials, load: LoadReport): Answer<MemberOrders> {
    const { unlistedSeats, warmingSeats, leaseMs } = load
    const ratios = measured(load.headroomRatios)
    const args = [
      wholeSeats(unlistedSeats),
      wholeSeats(warmingSeats),
      placingRatio(load),
      JSON.stringify(ratios),
      leaseMs,
    ]
    const { memberId } = by
    return this.#ask(SCRIPTS.report, memberKey(memberId), [...signed(by), ...args], by, (list) => readOrders(list, 1))
  }

  leave(by: MemberCredentials): Answer<void> {
    return this.#ask(SCRIPTS.leave, memberKey(by.memberId), signed(by), by, nothing)
  }

  claim(request: ClaimRequest): Answer<Placement> {
    const { sessionId, by } = request
    const user = [request.user?.key ?? '', request.user?.limit ?? 0]
    const args = [sessionId, ...signed(by), request.isResume ? 1 : 0, ...seen(request), ...user, ...wished(request)]
    return this.#ask(SCRIPTS.claim, sessionKey(sessionId), args, { ...by, sessionId }, readPlacement)
  }

  confirm(by: MemberCredentials, { sessionId, token }: SessionCredentials): Answer<void> {
    const args = [sessionId, ...signed(by), token.epoch, token.counter]
    return this.#ask(SCRIPTS.confirm, sessionKey(sessionId), args, { ...by, sessionId, token }, nothing)
  }

  release({ sessionId, token }: SessionCredentials): Answer<void> {
    const args = [sessionId, token.epoch, token.counter]
    return this.#ask(SCRIPTS.release, sessionKey(sessionId), args, { sessionId, token }, nothing)
  }

  locate(sessionId: string): Answer<Located | undefined> {
    return this.#ask(SCRIPTS.locate, sessionKey(sessionId), [sessionId], { sessionId }, readLocated)
  }

  move(request: MoveRequest): Answer<Placement> {
    const { by, session } = request
    const { sessionId, token } = session
    const args = [sessionId, ...signed(by), token.epoch, token.counter, ...wished(request)]
    return this.#ask(SCRIPTS.move, sessionKey(sessionId), args, { ...by, sessionId, token }, readPlacement)
  }

  async reclaim(
    by: MemberCredentials,
    sessions: readonly SessionCredentials[],
  ): Answer<readonly Result<FencingToken, DirectoryRefusal>[]> {
    const answers: Result<FencingToken, DirectoryRefusal>[] = []
    do {
      const part = sessions.slice(answers.length, answers.length + MAX_RECLAIM)
      const args = part.flatMap(({ sessionId, token }) => [sessionId, token.epoch, token.counter])
      const key = memberKey(by.memberId)
      const read = (list: List) => readReclaimed(list, part)
      const answer = await this.#ask(SCRIPTS.reclaim, key, [...signed(by), ...args], by, read)
      if (!answer.ok) return answer
      answers.push(...answer.value)
    } while (answers.length < sessions.length)
    return ok(answers)
  }

  drain(memberId: string, withinMs: number): Answer<void> {
    return this.#order(memberId, 'draining', withinMs)
  }

  undrain(memberId: string): Answer<void> {
    return this.#order(memberId, 'serving', 0)
  }

  rate(memberId: string, ratedSeats: number): Answer<void> {
    return this.#order(memberId, 'rated', wholeSeats(ratedSeats))
  }

  members(): Answer<readonly MemberStatus[]> {
    return this.#ask(SCRIPTS.members, undefined, [], {}, readMembers)
  }

  #order(memberId: string, kind: string, value: number): Answer<void> {
    return this.#ask(SCRIPTS.order, memberKey(memberId), [memberId, kind, value], { memberId }, nothing)
  }

  async #ask<T>(
    script: Script,
    key: string | undefined,
    args: Args,
    about: AboutWhat,
    read: (list: List) => T,
  ): Answer<T> {
    const answer = await this.link.run(script, key, args)
    if (!answer.ok) return answer
    return answer.value[0] === 'ok' ? ok(read(answer.value)) : err(readRefusal(answer.value, about))
  }
}

const nothing = (): void => {}
const signed = ({ memberId, token }: MemberCredentials): Args => [memberId, token.epoch, token.counter]

const seen = ({ lastToken }: { readonly lastToken?: FencingToken }): Args => [
  lastToken?.epoch ?? 0,
  lastToken?.counter ?? 0,
]

function wished({ role, policy, salt, only, reserveMs, exclude }: PlacementWish): Args {
  return [role, policy, salt, only ?? '', reserveMs, ...(exclude ?? [])]
}
