// Which directory a pod has: in its own memory when it is alone, in Redis when the configuration names one, and then what else pods share there.
import { readFile } from 'node:fs/promises'
import type { ResolvedConfig } from '@parley/config'
import { type FleetDirectory, type Journal, MemoryDirectory } from '@parley/fleet'
import type { Clock, Scope } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import { StartFailure } from '../exit-codes.ts'
import type { SharedStores } from '../text/create-text-desk.ts'

/** A Redis that is slow for longer than this is away: admission goes on without it. */
const COMMAND_TIMEOUT_MS = 2_000

export interface OpenDirectory {
  readonly kind: 'memory' | 'redis'
  readonly directory: FleetDirectory
  /** Undefined: the only pod keeps nothing, nobody could go on with it. */
  readonly journal?: Journal | undefined
  /** Undefined: nothing. */
  readonly shared?: SharedStores
}

/** Never waits for Redis: a pod starts without it, alone, and says so. Throws StartFailure when the configuration cannot be right. */
export async function openDirectory(
  clock: Clock,
  scope: Scope,
  config: ResolvedConfig['fleet'],
  logger: Logger,
): Promise<OpenDirectory> {
  const { redisUrl: url, redisCaFile, name: fleet } = config
  if (url === '') return { kind: 'memory', directory: new MemoryDirectory(clock) }
  const ca = redisCaFile === '' ? undefined : await readCa(redisCaFile)
  const address = { url, ...(ca === undefined ? {} : { ca }) }
  // Who needs no Redis does not load its client.
  const { RedisBudgets, RedisDirectory, RedisJournal, RedisTexts } = await import('@parley/fleet/redis')
  const directory = new RedisDirectory({ clock, scope, address, fleet, commandTimeoutMs: COMMAND_TIMEOUT_MS })
  directory.link.on('warning', (warning) => logger.warn({ warning }, 'Redis of the fleet'))
  const shared = { budgets: new RedisBudgets(directory.link), texts: new RedisTexts(directory.link) }
  return { kind: 'redis', directory, journal: new RedisJournal(directory.link), shared }
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const kind = code === 'EACCES' || code === 'EPERM' ? 'noPermission' : 'usage'
    throw new StartFailure(kind, 'TLS_UNUSABLE', `cannot read fleet.redisCaFile ${file} (${code})`, error)
  }
}
