// What the directory refuses, in the words of both implementations.
import type { FullReason } from '@parley/placement'
import type { DirectoryRefusal, FencedReason } from './directory.ts'
import { type FencingToken, formatToken } from './fencing-token.ts'

const FENCED: Readonly<Record<FencedReason, string>> = {
  unknown: 'is not in the directory',
  lost: 'was silent for longer than its lease',
  replaced: 'has joined again with a newer token',
}
const FULL: Readonly<Record<FullReason, string>> = {
  noMember: 'no member may take it: none has the role, or none is left',
  draining: 'every member that may take it drains',
  seats: 'every seat is taken or reserved',
  overloaded: 'seats are free, but a resource of every member is used up',
}

export const refusals = {
  away: (problem: string, retryAfterMs: number): DirectoryRefusal => ({
    code: 'DIRECTORY_AWAY',
    message: `the directory is away (${problem}); decide locally, and ask again later`,
    retryAfterMs,
  }),
  fenced: (memberId: string, reason: FencedReason): DirectoryRefusal => ({
    code: 'MEMBER_FENCED',
    message: `member ${memberId} ${FENCED[reason]}; it must join again before it reports or claims`,
    reason,
  }),
  exists: (memberId: string, retryAfterMs: number): DirectoryRefusal => ({
    code: 'MEMBER_EXISTS',
    message: `memberId ${memberId} belongs to a process that is alive; give this one another id, or stop that one`,
    retryAfterMs,
  }),
  unknownMember: (memberId: string): DirectoryRefusal => ({
    code: 'MEMBER_UNKNOWN',
    message: `no member ${memberId} is in the fleet now; \`parley fleet status\` lists those that are`,
  }),
  full: (reason: FullReason, retryAfterMs: number): DirectoryRefusal => ({
    code: 'FLEET_FULL',
    message: `no seat for the session: ${FULL[reason]}; try again in ${retryAfterMs} ms, or add a pod`,
    reason,
    retryAfterMs,
  }),
  userFull: (limit: number): DirectoryRefusal => ({
    code: 'USER_FULL',
    message: `the user has ${limit} sessions in the fleet, the most allowed; end one first`,
    limit,
  }),
  taken: (sessionId: string, owner: string, token: FencingToken): DirectoryRefusal => ({
    code: 'SESSION_TAKEN',
    message: `session ${sessionId} is at ${owner} (token ${formatToken(token)}); go there`,
    owner,
    token,
  }),
  notOwned: (sessionId: string, token: FencingToken): DirectoryRefusal => ({
    code: 'SESSION_NOT_OWNED',
    message: `token ${formatToken(token)} is not the one session ${sessionId} is held with; let go of the session`,
  }),
  reservationOver: (sessionId: string): DirectoryRefusal => ({
    code: 'RESERVATION_OVER',
    message: `nothing is reserved for session ${sessionId} here any more; claim it again`,
  }),
  settling: (sessionId: string, retryAfterMs: number): DirectoryRefusal => ({
    code: 'DIRECTORY_SETTLING',
    message: `the directory began anew and waits for whoever holds session ${sessionId}; ask again in ${retryAfterMs} ms`,
    retryAfterMs,
  }),
}
