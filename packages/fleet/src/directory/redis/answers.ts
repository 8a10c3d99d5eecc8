// What the scripts answer, read. Pure; the order of fields is that of the signature comments in scripts/*.lua.
import { err, ok, type Result } from '@parley/kernel'
import type { FullReason } from '@parley/placement'
import type {
  DirectoryChange,
  DirectoryRefusal,
  FencedReason,
  Located,
  MemberDescription,
  MemberOrders,
  MemberStatus,
  Placement,
  SessionCredentials,
} from '../directory.ts'
import type { FencingToken } from '../fencing-token.ts'
import { NOBODY } from '../memory/records.ts'
import { refusals } from '../refusals.ts'

type List = readonly string[]

/** What the question was about, for the words of a refusal. */
export interface AboutWhat {
  readonly memberId?: string
  readonly sessionId?: string
  readonly token?: FencingToken
}

const NO_TOKEN: FencingToken = { epoch: 0, counter: 0 }

/** Of an answer that begins with `no`. Throws when the script answers with what it does not have: a broken promise. */
export function readRefusal(
  list: List,
  { memberId = '', sessionId = '', token = NO_TOKEN }: AboutWhat,
): DirectoryRefusal {
  const [, code, first = ''] = list
  switch (code) {
    case 'MEMBER_FENCED':
      return refusals.fenced(memberId, first as FencedReason)
    case 'MEMBER_EXISTS':
      return refusals.exists(memberId, Number(first))
    case 'MEMBER_UNKNOWN':
      return refusals.unknownMember(memberId)
    case 'FLEET_FULL':
      return refusals.full(first as FullReason, Number(list[3]))
    case 'USER_FULL':
      return refusals.userFull(Number(list[2]))
    case 'SESSION_TAKEN':
      return refusals.taken(sessionId, first, readToken(list, 3))
    case 'SESSION_NOT_OWNED':
      return refusals.notOwned(sessionId, token)
    case 'RESERVATION_OVER':
      return refusals.reservationOver(sessionId)
    case 'DIRECTORY_SETTLING':
      return refusals.settling(sessionId, Number(first))
    default:
      throw new Error(`the script answers ${JSON.stringify(list)}`)
  }
}

export function readToken(list: List, at: number): FencingToken {
  return { epoch: Number(list[at]), counter: Number(list[at + 1]) }
}

export function readOrders(list: List, at: number): MemberOrders {
  return {
    isDraining: list[at] === '1',
    ...drainLeft(list[at + 1]),
    ratedSeats: Number(list[at + 2]),
    heldSeats: Number(list[at + 3]),
    reservedSeats: Number(list[at + 4]),
  }
}

export function readPlacement(list: List): Placement {
  return { ...readInfo(list[1]), token: readToken(list, 2) }
}

export function readLocated(list: List): Located | undefined {
  const [, state, owner = '', info] = list
  if (state === undefined) return undefined
  const described = info === '' ? { ...NOBODY, memberId: owner } : readInfo(info)
  return { ...described, state: state as Located['state'], token: readToken(list, 4) }
}

const RECLAIMED_FIELDS = 4

export function readReclaimed(
  list: List,
  asked: readonly SessionCredentials[],
): Result<FencingToken, DirectoryRefusal>[] {
  return asked.map(({ sessionId, token }, n) => {
    const at = 1 + n * RECLAIMED_FIELDS
    if (list[at] === 'ok') return ok(readToken(list, at + 1))
    if (list[at] === 'SESSION_TAKEN') return err(refusals.taken(sessionId, list[at + 3] ?? '', readToken(list, at + 1)))
    return err(refusals.notOwned(sessionId, token))
  })
}

const MEMBER_FIELDS = 11

export function readMembers(list: List): MemberStatus[] {
  const members: MemberStatus[] = []
  for (let at = 1; at < list.length; at += MEMBER_FIELDS) members.push(readMember(list, at))
  return members.sort((one, other) => (one.memberId < other.memberId ? -1 : 1))
}

function readMember(list: List, at: number): MemberStatus {
  const { isDraining, ...orders } = readOrders(list, at + 2)
  return {
    ...readInfo(list[at]),
    ...orders,
    state: list[at + 1] === '1' ? 'lost' : isDraining ? 'draining' : 'serving',
    unlistedSeats: Number(list[at + 7]),
    warmingSeats: Number(list[at + 8]),
    headroomRatios: JSON.parse(list[at + 9] as string) as Record<string, number>,
    ageMs: Number(list[at + 10]),
  }
}

const KINDS = ['joined', 'left', 'lost', 'draining', 'serving', 'rated'] as const

/** Undefined: of a later version. */
export function readChange(message: string): DirectoryChange | undefined {
  const at = message.indexOf(' ')
  const kind = KINDS.find((each) => each === message.slice(0, at))
  return kind && { kind, memberId: message.slice(at + 1) }
}

const readInfo = (info: string | undefined): MemberDescription => JSON.parse(info as string) as MemberDescription

const drainLeft = (text: string | undefined): { drainLeftMs?: number } =>
  text === '' ? {} : { drainLeftMs: Number(text) }
