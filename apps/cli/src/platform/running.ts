// The running platform that a command talks to, or the one line that says how to start it.

import { type ConfigOptions, configFlags } from '../config-options.ts'
import { type CliContext, loadOrFail } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { type AdminAnswer, callAdmin } from './admin-client.ts'
import { findRun, listRuns, type RunRecord } from './run-file.ts'

export interface RunningOptions extends ConfigOptions {
  readonly url?: string
}

export interface Running {
  readonly run: RunRecord
  call(method: 'GET' | 'POST', path: string): Promise<AdminAnswer>
}

/** Finds the platform of this data directory (the one at `--url`, otherwise the latest). */
export async function findRunning(context: CliContext, options: RunningOptions): Promise<Running> {
  const { config } = await loadOrFail(context, options.config, configFlags(options))
  const run = await findRun(config.data.dir, options.url)
  if (!run) {
    const others = options.url === undefined ? [] : await listRuns(config.data.dir)
    const there = others.length === 0 ? '' : `; running: ${others.map((other) => other.url).join(', ')}`
    const where = options.url === undefined ? '' : ` at ${options.url}`
    throw new CliError(
      `no platform runs${where} with the data directory ${config.data.dir}${there}; start one with ./parley up`,
      EXIT.missing,
    )
  }
  const token = config.admin.token === '' ? {} : { token: config.admin.token }
  // Any pod answers about the fleet: when the first is being started again, the next does.
  const others = (run.pods ?? []).map(({ adminUrl }) => adminUrl).filter((adminUrl) => adminUrl !== run.adminUrl)
  return {
    run,
    async call(method, path) {
      try {
        return await callFirst([run.adminUrl, ...(path.startsWith('/fleet') ? others : [])], token, method, path)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        throw new CliError(`the platform (process ${run.pid}) does not answer on ${run.adminUrl}: ${reason}`)
      }
    },
  }
}

/** The answer of the first that has one; rejects with what the first failed with. */
async function callFirst(
  adminUrls: readonly string[],
  token: { readonly token?: string },
  method: 'GET' | 'POST',
  path: string,
): Promise<AdminAnswer> {
  let failure: unknown
  for (const adminUrl of adminUrls) {
    try {
      return await callAdmin({ adminUrl, ...token }, method, path)
    } catch (error) {
      failure ??= error
    }
  }
  throw failure
}
