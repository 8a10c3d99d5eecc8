// A member as a process of its own, so that it can really be stopped and killed: joins the directory in Redis, holds sessions as it is told, and
// keeps to what the directory answers. Talks to the test over IPC.

import { type FencingToken, Membership, type MembershipState } from '@parley/fleet'
import { RedisDirectory } from '@parley/fleet/redis'
import { Scope, systemClock } from '@parley/kernel'
import { hash32 } from '@parley/placement'

export interface MemberView {
  readonly state: MembershipState['kind']
  readonly isLeaseSure: boolean
  readonly sessions: Readonly<Record<string, FencingToken>>
  /** Sessions that it was told are others'. */
  readonly lost: readonly string[]
}

export type MemberRequest =
  | {
      readonly id: number
      readonly type: 'start'
      readonly url: string
      readonly fleet: string
      readonly memberId: string
      readonly ratedSeats: number
    }
  /** Places sessions in the fleet and confirms those that are its own; answers with how many were placed. */
  | { readonly id: number; readonly type: 'hold'; readonly sessionIds: readonly string[] }
  /** Takes over what its owner has left; answers with the code of the refusal, or 'ok'. */
  | { readonly id: number; readonly type: 'takeOver'; readonly sessionId: string }
  | { readonly id: number; readonly type: 'view' }

const scope = new Scope(systemClock)
const sessions = new Map<string, FencingToken>()
const lost: string[] = []
let membership: Membership
let directory: RedisDirectory

function start({ url, fleet, memberId, ratedSeats }: Extract<MemberRequest, { type: 'start' }>): void {
  directory = new RedisDirectory({ clock: systemClock, scope, address: { url }, fleet })
  membership = new Membership({
    clock: systemClock,
    scope,
    directory,
    member: { memberId, kind: 'pod', roles: ['sessions'], urls: {}, version: '0.1.0' },
    ratedSeats,
    load: () => ({ unlistedSeats: 0, warmingSeats: 0, headroomRatios: {} }),
    sessions: () => [...sessions].map(([sessionId, token]) => ({ sessionId, token })),
  })
  membership.on('reclaimed', ({ sessionId, answer }) => {
    if (answer.ok) sessions.set(sessionId, answer.value)
    else {
      sessions.delete(sessionId)
      lost.push(sessionId)
    }
  })
}

async function claim(sessionId: string, isResume: boolean): Promise<string> {
  const by = membership.credentials
  if (!by) return 'no member'
  const policy = isResume ? ({ only: by.memberId } as const) : {}
  const wish = {
    role: 'sessions',
    policy: 'mostHeadroom',
    salt: hash32(sessionId),
    reserveMs: 15_000,
    ...policy,
  } as const
  const placed = await directory.claim({ ...wish, sessionId, by, isResume })
  if (!placed.ok) return placed.error.code
  const { memberId, token } = placed.value
  if (memberId !== by.memberId) return 'elsewhere'
  const confirmed = await directory.confirm(by, { sessionId, token })
  if (!confirmed.ok) return confirmed.error.code
  sessions.set(sessionId, token)
  return 'ok'
}

async function answer(request: MemberRequest): Promise<unknown> {
  switch (request.type) {
    case 'start':
      return start(request)
    case 'hold': {
      const outcomes = await Promise.all(request.sessionIds.map((sessionId) => claim(sessionId, false)))
      return outcomes.filter((outcome) => outcome === 'ok' || outcome === 'elsewhere').length
    }
    case 'takeOver':
      return claim(request.sessionId, true)
    case 'view': {
      const { state, isLeaseSure } = membership
      const view: MemberView = { state: state.kind, isLeaseSure, sessions: Object.fromEntries(sessions), lost }
      return view
    }
  }
}

process.on('message', async (request: MemberRequest) => {
  process.send?.({ id: request.id, value: await answer(request) })
})
process.on('disconnect', () => process.exit(0))
