// What tests of directories share: a subject on a clock that the test moves, and members that say little.
import type { TestContext } from 'node:test'
import { type Clock, Scope, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import type {
  Answer,
  ClaimRequest,
  DirectoryRefusalCode,
  FleetDirectory,
  JoinRequest,
  LoadReport,
  MemberCredentials,
  PlacementWish,
} from '../directory/directory.ts'
import { MemoryDirectory } from '../directory/memory/memory-directory.ts'
import { RedisDirectory } from '../directory/redis/redis-directory.ts'
import { RedisServer } from './redis-server.ts'

export interface DirectorySubject {
  readonly directory: FleetDirectory
  readonly clock: ManualClock
  /** The store comes back empty. */
  forget(): Promise<void>
}
export type CreateSubject = (t: TestContext) => Promise<DirectorySubject>

export async function memorySubject(): Promise<DirectorySubject> {
  const clock = new ManualClock()
  const directory = new MemoryDirectory(clock)
  return { directory, clock, forget: async () => directory.forget() }
}

/** One server for all tests of a file; each gets a fleet of its own. Started by the first that needs it. */
export class RedisRig {
  #server: Promise<RedisServer> | undefined
  #fleets = 0

  server(): Promise<RedisServer> {
    this.#server ??= RedisServer.start()
    return this.#server
  }

  /** A directory whose Redis has the time of `clock`, until the test ends. */
  async subject(
    t: TestContext,
    fleet = `fleet-${++this.#fleets}`,
  ): Promise<DirectorySubject & { directory: RedisDirectory }> {
    const clock = new ManualClock()
    const directory = await this.directory(t, { fleet, testTimeMs: () => clock.wallMs() })
    const forget = async (): Promise<void> => {
      const server = await this.server()
      await server.restart()
      await readyOf(directory)
    }
    return { directory, clock, forget }
  }

  async directory(
    t: TestContext,
    { fleet, testTimeMs, clock = systemClock }: { fleet: string; testTimeMs?: () => number; clock?: Clock },
  ): Promise<RedisDirectory> {
    const { url } = await this.server()
    const scope = new Scope(systemClock)
    t.after(() => scope.close())
    const options = { clock, scope, address: { url }, fleet }
    const directory = new RedisDirectory(testTimeMs ? { ...options, testTimeMs } : options)
    await readyOf(directory)
    return directory
  }

  async stop(): Promise<void> {
    await (await this.#server)?.stop()
  }
}

/** Until it is there. */
export function readyOf(directory: FleetDirectory): Promise<void> {
  const why = () => (directory.state.kind === 'away' ? directory.state.problem : undefined)
  return eventually(why, { withinMs: 20_000 })
}

export const LEASE_MS = 4_000
export const RESERVE_MS = 15_000

export const member = (memberId: string, more: Partial<JoinRequest> = {}): JoinRequest => ({
  memberId,
  kind: 'pod',
  roles: ['api', 'sessions'],
  urls: { public: `https://${memberId}.example` },
  version: '0.1.0',
  incarnation: `${memberId} started once`,
  ratedSeats: 10,
  unlistedSeats: 0,
  leaseMs: LEASE_MS,
  ...more,
})

export const load = (more: Partial<LoadReport> = {}): LoadReport => ({
  unlistedSeats: 0,
  warmingSeats: 0,
  headroomRatios: {},
  leaseMs: LEASE_MS,
  ...more,
})

export const wish = (more: Partial<PlacementWish> = {}): PlacementWish => ({
  role: 'sessions',
  policy: 'mostHeadroom',
  salt: 1,
  reserveMs: RESERVE_MS,
  ...more,
})

export const asking = (by: MemberCredentials, sessionId: string, more: Partial<ClaimRequest> = {}): ClaimRequest => ({
  ...wish(),
  sessionId,
  by,
  ...more,
})

/** What was answered; throws the refusal when there is one. */
export async function granted<T>(answer: Answer<T>): Promise<T> {
  const result = await answer
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  return result.value
}

/** The code of the refusal, or `none`. */
export async function refusalOf(answer: Answer<unknown>): Promise<DirectoryRefusalCode | 'none'> {
  const result = await answer
  return result.ok ? 'none' : result.error.code
}

export async function joined(
  directory: FleetDirectory,
  memberId: string,
  more?: Partial<JoinRequest>,
): Promise<MemberCredentials> {
  const { token } = await granted(directory.join(member(memberId, more)))
  return { memberId, token }
}
