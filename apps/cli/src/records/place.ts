// Which records a command is about: those of the configuration's database, or of the data directory.
import { access } from 'node:fs/promises'
import type { Loaded } from '@parley/config'
import { newId, Scope } from '@parley/kernel'
import {
  openRecordStore,
  type RecordFolders,
  type RecordStore,
  recordFolders,
  type StoreError,
  type StoreErrorCode,
  type StorePlace,
} from '@parley/store'
import { silentLogger } from '@parley/telemetry'
import type { Command } from 'commander'
import { Option } from 'commander'
import { addConfigOptions, type ConfigOptions, configFlags } from '../config-options.ts'
import { type CliContext, loadOrFail } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { actorOf } from '../platform/actor.ts'
import { hasOwnPostgres } from '../platform/postgres-place.ts'
import { listRuns } from '../platform/run-file.ts'
import { OwnPostgres } from '../up/own-postgres.ts'

export interface RecordsOptions extends ConfigOptions {
  readonly database?: string
  readonly json: boolean
}

export interface Opened {
  readonly store: RecordStore
  readonly folders: RecordFolders
  readonly config: Loaded['config']
}

/** Adds --database and --json beside the options that set configuration keys. */
export const addRecordsOptions = (command: Command): Command =>
  addConfigOptions(command)
    .addOption(
      new Option(
        '--database <url>',
        'PostgreSQL of the records; better in PARLEY_RECORDS_DATABASE_URL, which other users cannot read',
      ),
    )
    .option('--json', 'one JSON document', false)

const EXITS: Partial<Record<StoreErrorCode, number>> = {
  UNAVAILABLE: EXIT.missing,
  TIMEOUT: EXIT.missing,
  SCHEMA_NEWER: EXIT.missing,
  INVALID: EXIT.usage,
  REFUSED: EXIT.usage,
}

/** The value, or a CliError that says what the store says. */
export function valueOrFail<T>(result: { ok: true; value: T } | { ok: false; error: StoreError }): T {
  if (result.ok) return result.value
  throw new CliError(result.error.message, EXITS[result.error.code] ?? EXIT.failed)
}

export async function configOf(context: CliContext, options: ConfigOptions & { database?: string }) {
  const flags = configFlags(options)
  if (options.database !== undefined) {
    flags.push({ flag: '--database', key: 'records.databaseUrl', value: options.database })
  }
  return (await loadOrFail(context, options.config, flags)).config
}

/** How a command reaches the records; `close` ends what was started for it. */
export interface OpenPlace {
  readonly place: StorePlace
  close(): Promise<void>
}

// Copying reads page after page: a page may take longer than a pod would wait for a query.
const postgresAt = (url: string, poolSize: number): StorePlace => ({
  kind: 'postgres',
  url,
  poolSize,
  statementTimeoutMs: 60_000,
})

/**
 * The database of the configuration; else the PostgreSQL of the data directory, the running platform's or, when none runs, started for this command;
 * else the file. With `makesPostgres` the PostgreSQL is made when there is none.
 */
export async function openPlace(
  context: CliContext,
  { data, records }: Loaded['config'],
  makesPostgres = false,
): Promise<OpenPlace> {
  const { databaseUrl, poolSize } = records
  const nothing = { close: () => Promise.resolve() }
  if (databaseUrl !== '') return { place: postgresAt(databaseUrl, poolSize), ...nothing }
  const running = (await listRuns(data.dir)).find((run) => run.databaseUrl !== undefined)
  if (running?.databaseUrl !== undefined) return { place: postgresAt(running.databaseUrl, poolSize), ...nothing }
  if (!makesPostgres && !(await hasOwnPostgres(data.dir))) {
    return { place: { kind: 'sqlite', file: recordFolders(data.dir).databaseFile }, ...nothing }
  }
  const { clock, output } = context
  const scope = new Scope(clock)
  output.progress.update('starting the PostgreSQL of the data directory')
  try {
    const onReport = (_level: string, message: string) => output.warn(message)
    const postgres = await OwnPostgres.start({ clock, scope, dataDir: data.dir, connections: poolSize, onReport })
    return { place: postgresAt(postgres.url, poolSize), close: () => scope.close() }
  } catch (error) {
    await scope.close()
    throw error
  } finally {
    output.progress.clear()
  }
}

/** Runs `work` with the records open, and closes them. A database file is only made when `mayCreate`. */
export async function withRecords<T>(
  context: CliContext,
  options: RecordsOptions,
  mayCreate: boolean,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const config = await configOf(context, options)
  const opened = await openPlace(context, config)
  try {
    return await withStore(context, config, opened.place, mayCreate, work)
  } finally {
    await opened.close()
  }
}

async function withStore<T>(
  context: CliContext,
  config: Loaded['config'],
  place: StorePlace,
  mayCreate: boolean,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  if (place.kind === 'sqlite' && !mayCreate) {
    await access(place.file).catch(() => {
      throw new CliError(
        `there are no records: ${place.file} is not there; name the data directory with --data-dir, or the database in PARLEY_RECORDS_DATABASE_URL`,
        EXIT.missing,
      )
    })
  }
  const store = valueOrFail(await openRecordStore(place, { clock: context.clock, logger: silentLogger }))
  try {
    return await work({ store, folders: recordFolders(config.data.dir), config })
  } finally {
    await store.close()
  }
}

/** Notes an administrative act; that it cannot be noted ends the command. */
export async function noteAct(
  context: CliContext,
  store: RecordStore,
  act: { readonly tenant: string; readonly action: string; readonly target: string; readonly result: string },
): Promise<void> {
  const row = { auditId: newId('aud'), atMs: context.clock.wallMs(), actor: actorOf(), ...act }
  valueOrFail(await store.write([{ table: 'audit', row }]))
}
