// The configuration of a pod that is measured: a folder of its own, no limit that a thousand clients of one address would meet.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type ResolvedConfig, resolveConfig } from '@parley/config'

const SETTINGS = {
  PARLEY_SERVER_PORT: '0',
  PARLEY_SESSIONS_SEATS: '10000',
  PARLEY_LIMITS_CONNECTIONS: '100000',
  PARLEY_LIMITS_CONNECTIONS_PER_ADDRESS: '100000',
  PARLEY_LIMITS_REQUESTS_PER_MINUTE: '10000000',
}

export interface BenchConfig {
  readonly config: ResolvedConfig
  /** The caller's to remove. */
  readonly dataDir: string
  /** There is none: nothing is served from it. */
  readonly pageFolder: string
}

/** `settings`: of the environment, over those above. */
export async function benchConfig(settings: Readonly<Record<string, string>> = {}): Promise<BenchConfig> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'parley-bench-'))
  const env = { ...SETTINGS, ...settings, PARLEY_DATA_DIR: dataDir }
  const resolved = resolveConfig({ env, cwd: dataDir, homeDir: dataDir })
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.error))
  return { config: resolved.value.config, dataDir, pageFolder: path.join(dataDir, 'no-page') }
}
