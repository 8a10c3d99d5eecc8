// Which records a command is about: those of the configuration's database, or of the data directory.
import { access } from 'node:fs/promises'
import type { Loaded } from '@parley/config'
import { newId } from '@parley/kernel'
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

export function storePlaceOf(config: Loaded['config']): StorePlace {
  const { databaseUrl, poolSize } = config.records
  if (databaseUrl === '') return { kind: 'sqlite', file: recordFolders(config.data.dir).databaseFile }
  // Copying reads page after page: a page may take longer than a pod would wait for a query.
  return { kind: 'postgres', url: databaseUrl, poolSize, statementTimeoutMs: 60_000 }
}

/** Runs `work` with the records open, and closes them. A database file is only made when `mayCreate`. */
export async function withRecords<T>(
  context: CliContext,
  options: RecordsOptions,
  mayCreate: boolean,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const config = await configOf(context, options)
  const place = storePlaceOf(config)
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
