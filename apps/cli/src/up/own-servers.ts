// The servers that the pods of a platform share and that it starts by itself when it was given none.
import path from 'node:path'
import type { Scope } from '@parley/kernel'
import type { CliContext } from '../context.ts'
import { hasOwnPostgres } from '../platform/postgres-place.ts'
import { listRuns } from '../platform/run-file.ts'
import type { OwnPostgres } from './own-postgres.ts'
import { OwnRedis } from './own-redis.ts'
import type { SharedServers } from './pod-plan.ts'
import { freePort } from './port-check.ts'
import type { Prepared } from './prepare.ts'

export interface OwnServers {
  readonly redis: OwnRedis | undefined
  readonly postgres: OwnPostgres | undefined
  /** What pods are told, whoever runs them. */
  readonly shared: SharedServers
}

/** They end when `scope` closes. Throws a CliError that says what is missing. */
export async function startOwnServers(context: CliContext, prepared: Prepared, scope: Scope): Promise<OwnServers> {
  const { fleet, records, data } = prepared.config
  const isOneOfMany = fleet.pods > 1
  const isGiven = records.databaseUrl !== ''
  // Another platform of the same data directory has started it.
  const started = isGiven ? undefined : (await listRuns(data.dir)).find(({ databaseUrl }) => databaseUrl)?.databaseUrl
  // Records that have moved into a PostgreSQL stay there, also for one pod.
  const wantsPostgres = !isGiven && started === undefined && (isOneOfMany || (await hasOwnPostgres(data.dir)))
  const [redis, postgres] = await Promise.all([
    isOneOfMany && fleet.redisUrl === '' ? ownRedis(context, prepared, scope) : undefined,
    wantsPostgres ? ownPostgres(context, prepared, scope) : undefined,
  ])
  const shared = {
    redisUrl: redis?.url ?? fleet.redisUrl,
    databaseUrl: postgres?.url ?? started ?? records.databaseUrl,
  }
  return { redis, postgres, shared }
}

const reporter =
  ({ output }: CliContext) =>
  (level: 'info' | 'warn', message: string): void =>
    level === 'info' ? output.note(message) : output.warn(message)

async function ownRedis(context: CliContext, { config }: Prepared, scope: Scope): Promise<OwnRedis> {
  const folder = path.join(config.data.dir, 'redis')
  return OwnRedis.start({
    clock: context.clock,
    scope,
    folder,
    port: await freePort(),
    onReport: reporter(context),
  })
}

async function ownPostgres(context: CliContext, { config }: Prepared, scope: Scope): Promise<OwnPostgres> {
  // Most platforms have none, and what speaks to it is a quarter of what `up` loads.
  const [{ OwnPostgres }, { moveIntoPostgres }] = await Promise.all([
    import('./own-postgres.ts'),
    import('./move-records.ts'),
  ])
  const { data, fleet, records } = config
  const { clock, output } = context
  if (!(await hasOwnPostgres(data.dir))) output.progress.update('making a PostgreSQL for the records')
  const connections = fleet.pods * records.poolSize
  const postgres = await OwnPostgres.start({
    clock,
    scope,
    dataDir: data.dir,
    connections,
    onReport: reporter(context),
  })
  output.progress.clear()
  // Another platform of this directory may write to the file.
  if ((await listRuns(data.dir)).length === 0) await moveIntoPostgres(context, data.dir, postgres.url)
  return postgres
}
