// What the sessions of this pod are in the fleet's directory: reserved until their client comes, held from then on, or unlisted, admitted while the
// directory was away. Tells the directory of each change once; what it could not tell is told when the directory is back.
import {
  type DirectoryRefusal,
  type FencingToken,
  type FleetDirectory,
  formatToken,
  type Membership,
  type SessionCredentials,
} from '@parley/fleet'
import type { Clock, Result } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'

interface Seat {
  token: FencingToken
  state: 'reserved' | 'held' | 'unlisted'
  readonly sinceMs: number
}

export interface SeatBookOptions {
  readonly clock: Clock
  readonly directory: FleetDirectory
  readonly podId: string
  readonly logger: Logger
}

/** Younger sessions are not part of the load that was measured yet: the window of the loop's figures. */
const WARM_AFTER_MS = 5_000
/** Sessions that ended while the directory was away and are still to be released there; beyond it the oldest is left to its member's lease. */
export const MAX_UNRELEASED = 10_000
/** Admitted without the directory: older than any token. */
const NO_TOKEN: FencingToken = { epoch: 0, counter: 0 }

export class SeatBook {
  readonly #options: SeatBookOptions
  readonly #seats = new Map<string, Seat>()
  readonly #unreleased = new Map<string, FencingToken>()
  /** Told of a session that is another's now: it has to be let go of here. */
  onTaken: ((sessionId: string) => void) | undefined
  #membership: Pick<Membership, 'credentials' | 'saw' | 'fenced'> | undefined

  constructor(options: SeatBookOptions) {
    this.#options = options
  }

  /** Reports through `membership` from now on. */
  join(membership: Pick<Membership, 'credentials' | 'saw' | 'fenced'>): void {
    this.#membership = membership
  }

  /** A session was admitted; `token` is that of its reservation, undefined when the directory was not asked. */
  admitted(sessionId: string, token: FencingToken | undefined): void {
    const sinceMs = this.#options.clock.nowMs()
    this.#seats.set(sessionId, { token: token ?? NO_TOKEN, state: token ? 'reserved' : 'unlisted', sinceMs })
  }

  /** Undefined when it is not here, or was admitted without the directory and is not known there yet. */
  tokenOf(sessionId: string): FencingToken | undefined {
    const token = this.#seats.get(sessionId)?.token
    return token === NO_TOKEN ? undefined : token
  }

  /** Another pod has it: there is nothing to give back. */
  let(sessionId: string): void {
    this.#seats.delete(sessionId)
  }

  /** Its client has come. */
  came(sessionId: string): void {
    const seat = this.#seats.get(sessionId)
    if (seat?.state === 'reserved') void this.#confirm(sessionId, seat)
  }

  /** A session has been moved here: true when it is this pod's now. */
  async confirmed(sessionId: string, token: FencingToken): Promise<boolean> {
    const seat = this.#seats.get(sessionId)
    if (seat?.token !== token) return false
    await this.#confirm(sessionId, seat)
    return this.#seats.get(sessionId) === seat && seat.state === 'held'
  }

  /** The session is over. */
  ended(sessionId: string): void {
    const seat = this.#seats.get(sessionId)
    if (!seat) return
    this.#seats.delete(sessionId)
    if (seat.token !== NO_TOKEN) void this.release({ sessionId, token: seat.token })
  }

  /** A reservation, or what was held, is given back; later when the directory is away. */
  async release(session: SessionCredentials): Promise<void> {
    const answer = await this.#options.directory.release(session)
    if (answer.ok || answer.error.code !== 'DIRECTORY_AWAY') return
    const { sessionId, token } = session
    const [oldest] = this.#unreleased.keys()
    if (this.#unreleased.size >= MAX_UNRELEASED && oldest !== undefined) this.#unreleased.delete(oldest)
    this.#unreleased.set(sessionId, token)
  }

  /** The directory is back. */
  catchUp(): void {
    const all = [...this.#unreleased]
    this.#unreleased.clear()
    for (const [sessionId, token] of all) void this.release({ sessionId, token })
  }

  /** What the member re-claims: all but what is only reserved, which is the directory's to end. */
  sessions(): readonly SessionCredentials[] {
    const held: SessionCredentials[] = []
    for (const [sessionId, { state, token }] of this.#seats) if (state !== 'reserved') held.push({ sessionId, token })
    return held
  }

  /** What became of a session that was re-claimed. */
  reclaimed(sessionId: string, answer: Result<FencingToken, DirectoryRefusal>): void {
    const seat = this.#seats.get(sessionId)
    if (!seat) return
    const { podId, logger } = this.#options
    if (answer.ok) {
      seat.token = answer.value
      seat.state = 'held'
      return
    }
    const { error } = answer
    if (error.code === 'SESSION_TAKEN' && error.owner === podId) {
      // The directory has its reservation, and has not heard that its client came.
      seat.token = error.token
      void this.#confirm(sessionId, seat)
      return
    }
    logger.warn({ sessionId, code: error.code, why: error.message }, 'the directory has another owner for a session')
    this.onTaken?.(sessionId)
  }

  /** Sessions that the directory does not count. */
  get unlistedSeats(): number {
    let count = 0
    for (const { state } of this.#seats.values()) if (state === 'unlisted') count++
    return count
  }

  get warmingSeats(): number {
    const nowMs = this.#options.clock.nowMs()
    let count = 0
    for (const { sinceMs } of this.#seats.values()) if (nowMs - sinceMs < WARM_AFTER_MS) count++
    return count
  }

  async #confirm(sessionId: string, seat: Seat): Promise<void> {
    const by = this.#membership?.credentials
    const { token } = seat
    const answer = by && (await this.#options.directory.confirm(by, { sessionId, token }))
    if (this.#seats.get(sessionId) !== seat || seat.token !== token) return
    seat.state = answer?.ok ? 'held' : 'unlisted'
    if (!answer || answer.ok) return
    const { error } = answer
    // Away or fenced: it is re-claimed with the rest when the membership stands again.
    if (error.code === 'MEMBER_FENCED') this.#membership?.fenced()
    else if (error.code === 'RESERVATION_OVER' && by) await this.#reclaim(sessionId, token)
    else if (error.code !== 'DIRECTORY_AWAY') {
      const { code, message } = error
      this.#options.logger.warn(
        { sessionId, token: formatToken(token), code, why: message },
        'a seat was not confirmed',
      )
      if (code === 'SESSION_NOT_OWNED') this.onTaken?.(sessionId)
    }
  }

  /** The directory has forgotten the reservation. */
  async #reclaim(sessionId: string, token: FencingToken): Promise<void> {
    const by = this.#membership?.credentials
    const answers = by && (await this.#options.directory.reclaim(by, [{ sessionId, token }]))
    const answer = answers?.ok ? answers.value[0] : undefined
    if (!answer) return
    if (answer.ok) this.#membership?.saw(answer.value)
    if (answer.ok && !this.#seats.has(sessionId)) void this.release({ sessionId, token: answer.value })
    this.reclaimed(sessionId, answer)
  }
}
