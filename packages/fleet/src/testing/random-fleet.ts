// A fleet that does anything: members that join, report, stand still, leave and come back, sessions that are claimed, moved, let go of, by whoever
// thinks it has them. Every operation goes to all subjects at once, with tokens that the first one gave.
import assert from 'node:assert/strict'
import type { Random } from '@parley/kernel'
import { SEAT_POLICIES } from '@parley/placement'
import type { FleetDirectory, MemberCredentials, SessionCredentials } from '../directory/directory.ts'
import type { FencingToken } from '../directory/fencing-token.ts'
import { asking, type DirectorySubject, load, member, wish } from './directory-rig.ts'

export interface StepTaken {
  readonly what: string
  readonly answers: readonly unknown[]
}

type Operation = (directory: FleetDirectory) => Promise<unknown>

const MEMBERS = 5
const SESSIONS = 12
/** Of the steps that let time pass. */
const FORGET_SHARE = 0.05

export class RandomFleet {
  /** Places that were given. */
  grants = 0
  readonly #random: Random
  readonly #subjects: readonly DirectorySubject[]
  /** The last tokens of each, right or outdated. */
  readonly #members = new Map<string, FencingToken[]>()
  readonly #sessions = new Map<string, FencingToken[]>()
  /** Who was told that it has the session, and by which token. */
  readonly #owners = new Map<string, { readonly memberId: string; readonly token: FencingToken }>()

  constructor(random: Random, subjects: readonly DirectorySubject[]) {
    this.#random = random
    this.#subjects = subjects
  }

  async step(): Promise<StepTaken> {
    const kinds: readonly (() => Promise<StepTaken>)[] = [
      () => this.#time(),
      () => this.#join(),
      () => this.#report(),
      () => this.#revive(),
      () => this.#claim(),
      () => this.#claim(),
      () => this.#claim(),
      () => this.#claim(),
      () => this.#move(),
      () => this.#move(),
      () => this.#confirm(),
      () => this.#confirm(),
      () => this.#confirm(),
      () => this.#release(),
      () => this.#reclaim(),
      () => this.#order(),
      () => this.#leave(),
      () => this.#look(),
    ]
    return this.#pick(kinds)()
  }

  async #time(): Promise<StepTaken> {
    const ms = this.#pick([
      1,
      10,
      50,
      200,
      500,
      2_000,
      4_500,
      this.#random() < 0.5 ? 16_000 : 700,
      this.#random() < 0.1 ? 600_000 : 700,
    ])
    if (this.#random() < FORGET_SHARE) await this.#forget()
    for (const { clock } of this.#subjects) clock.advance(ms)
    return this.#look()
  }

  /** Both stores come back empty, a moment later. */
  async #forget(): Promise<void> {
    for (const { clock, forget } of this.#subjects) {
      clock.advance(1)
      await forget()
    }
  }

  #join(memberId = this.#memberId()): Promise<StepTaken> {
    const request = member(memberId, {
      kind: this.#random() < 0.9 ? 'pod' : 'worker',
      roles: this.#random() < 0.9 ? ['api', 'sessions'] : ['api'],
      incarnation: this.#random() < 0.9 ? 'one' : 'other',
      ...(this.#random() < 0.1 ? { replaces: this.#random() < 0.5 ? 'one' : 'other' } : {}),
      ratedSeats: this.#int(5),
      leaseMs: this.#pick([4_000, 60_000, 60_000]),
      unlistedSeats: this.#pick([0, 0, 0, 2]),
      ...(this.#random() < 0.2 ? { lastToken: this.#tokenOf(this.#sessions, this.#sessionId()) } : {}),
      ...(this.#random() < 0.1 ? { drainWithinMs: 5_000 } : {}),
    })
    return this.#all(
      `join ${memberId}`,
      (directory) => directory.join(request),
      (value) => {
        this.#remember(this.#members, memberId, (value as { token: FencingToken }).token)
      },
    )
  }

  /** Every member reports, and joins again when it is told to: without it soon nobody would be there. */
  async #revive(): Promise<StepTaken> {
    const steps: StepTaken[] = []
    for (let n = 0; n < MEMBERS; n++) {
      const by = this.#credentials(`pod_${n}`)
      const operation: Operation = (directory) => directory.report(by, load({ leaseMs: 60_000 }))
      const reported = await this.#all(`report ${by.memberId}`, operation)
      steps.push(reported)
      if (!(reported.answers[0] as { ok: boolean }).ok) steps.push(await this.#join(by.memberId))
    }
    const answersOf = (at: number) => steps.map(({ answers }) => answers[at])
    return { what: 'everybody reports', answers: this.#subjects.map((_, at) => answersOf(at)) }
  }

  #report(): Promise<StepTaken> {
    const by = this.#by()
    const report = load({
      unlistedSeats: this.#pick([0, 0, 1]),
      warmingSeats: this.#int(2),
      headroomRatios: this.#pick<Record<string, number>>([
        {},
        { loop: 0.9 },
        {},
        { loop: this.#random(), memory: 0.9 },
      ]),
      leaseMs: this.#pick([4_000, 60_000, 60_000]),
    })
    return this.#all(`report ${by.memberId}`, (directory) => directory.report(by, report))
  }

  #claim(): Promise<StepTaken> {
    const sessionId = this.#sessionId()
    const request = asking(this.#by(), sessionId, {
      ...this.#wish(),
      isResume: this.#random() < 0.4,
      ...(this.#random() < 0.2 ? { lastToken: this.#tokenOf(this.#sessions, sessionId) } : {}),
    })
    return this.#all(
      `claim ${sessionId}`,
      (directory) => directory.claim(request),
      (value) => {
        this.grants++
        this.#remember(this.#sessions, sessionId, (value as { token: FencingToken }).token)
        this.#owners.set(sessionId, value as { memberId: string; token: FencingToken })
      },
    )
  }

  #move(): Promise<StepTaken> {
    const { by, session } = this.#likelyOwner()
    const request = { ...this.#wish(), by, session }
    return this.#all(
      `move ${session.sessionId}`,
      (directory) => directory.move(request),
      (value) => {
        this.grants++
        const place = value as { memberId: string; token: FencingToken }
        this.#remember(this.#sessions, session.sessionId, place.token)
        if (this.#random() < 0.7) this.#owners.set(session.sessionId, place)
      },
    )
  }

  #confirm(): Promise<StepTaken> {
    const { by, session } = this.#likelyOwner()
    return this.#all(`confirm ${session.sessionId}`, (directory) => directory.confirm(by, session))
  }

  #release(): Promise<StepTaken> {
    const { session } = this.#likelyOwner()
    return this.#all(`release ${session.sessionId}`, (directory) => directory.release(session))
  }

  #reclaim(): Promise<StepTaken> {
    const by = this.#by()
    const sessions = Array.from({ length: this.#int(4) }, () => this.#session(this.#sessionId()))
    return this.#all(`reclaim by ${by.memberId}`, (directory) => directory.reclaim(by, sessions))
  }

  #order(): Promise<StepTaken> {
    const memberId = this.#memberId()
    const orders: readonly Operation[] = [
      (directory) => directory.drain(memberId, 3_000),
      (directory) => directory.undrain(memberId),
      (directory) => directory.undrain(memberId),
      (directory) => directory.undrain(memberId),
      (directory) => directory.rate(memberId, 3),
    ]
    return this.#all(`order for ${memberId}`, this.#pick(orders))
  }

  #leave(): Promise<StepTaken> {
    const by = this.#by()
    if (this.#random() < 0.7) return this.#look()
    return this.#all(`leave ${by.memberId}`, (directory) => directory.leave(by))
  }

  /** Everything that can be seen, and that seats add up. */
  #look(): Promise<StepTaken> {
    return this.#all('look', async (directory) => {
      const members = await directory.members()
      const sessions = await Promise.all(Array.from({ length: SESSIONS }, (_, n) => directory.locate(`ses_${n}`)))
      const held = sessions.filter((each) => each.ok && each.value?.state === 'held').length
      const counted = members.ok ? members.value.reduce((sum, { heldSeats }) => sum + heldSeats, 0) : -1
      assert.equal(counted, held, 'seats that are counted and sessions that are held')
      return [members, sessions]
    })
  }

  async #all(what: string, operation: Operation, onGrant?: (value: unknown) => void): Promise<StepTaken> {
    const answers = await Promise.all(this.#subjects.map(({ directory }) => operation(directory)))
    const [first] = answers as { ok?: boolean; value?: unknown }[]
    if (first?.ok) onGrant?.(first.value)
    return { what, answers }
  }

  #wish() {
    return wish({
      policy: this.#pick(SEAT_POLICIES),
      salt: Math.floor(this.#random() * 2 ** 32),
      reserveMs: this.#pick([1_000, 15_000]),
      ...(this.#random() < 0.15 ? { only: this.#memberId() } : {}),
      ...(this.#random() < 0.15 ? { exclude: [this.#memberId(), this.#memberId()] } : {}),
    })
  }

  /** Mostly who was told that it has the session. */
  #likelyOwner(): { by: MemberCredentials; session: SessionCredentials } {
    const sessionId = this.#sessionId()
    const owner = this.#owners.get(sessionId)
    if (!owner || this.#random() < 0.2) return { by: this.#by(), session: this.#session(sessionId) }
    return { by: this.#credentials(owner.memberId), session: { sessionId, token: owner.token } }
  }

  #by(): MemberCredentials {
    return this.#credentials(this.#memberId())
  }

  #credentials(memberId: string): MemberCredentials {
    return { memberId, token: this.#tokenOf(this.#members, memberId) }
  }

  #session(sessionId: string): SessionCredentials {
    return { sessionId, token: this.#tokenOf(this.#sessions, sessionId) }
  }

  #remember(tokens: Map<string, FencingToken[]>, id: string, token: FencingToken): void {
    tokens.set(id, [...(tokens.get(id) ?? []).slice(-2), token])
  }

  /** Mostly the last one. */
  #tokenOf(tokens: ReadonlyMap<string, FencingToken[]>, id: string): FencingToken {
    const known = tokens.get(id)
    if (!known) return { epoch: 1, counter: 1 }
    return (this.#random() < 0.9 ? known.at(-1) : this.#pick(known)) as FencingToken
  }

  readonly #memberId = (): string => `pod_${this.#int(MEMBERS - 1)}`
  readonly #sessionId = (): string => `ses_${this.#int(SESSIONS - 1)}`
  /** 0 to `most`. */
  readonly #int = (most: number): number => Math.floor(this.#random() * (most + 1))
  readonly #pick = <T>(all: readonly T[]): T => all[Math.floor(this.#random() * all.length)] as T
}
