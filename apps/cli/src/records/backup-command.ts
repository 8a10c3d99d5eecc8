// `parley backup` and `parley restore`: the data directory into a folder and back.
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Loaded } from '@parley/config'
import {
  BACKUP_EXPORT,
  backUp,
  exportRecords,
  openRecordStore,
  readBackup,
  restoreBackup,
  restoreRecords,
  type StorePlace,
} from '@parley/store'
import { silentLogger } from '@parley/telemetry'
import { Command, Option } from 'commander'
import { type CliContext, ROOT } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { setAsidePostgres } from '../platform/postgres-place.ts'
import { listRuns } from '../platform/run-file.ts'
import { addRecordsOptions, configOf, openPlace, type RecordsOptions, valueOrFail } from './place.ts'
import { bytesText, countText } from './words.ts'

async function versionOf(): Promise<string> {
  return (JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as { version: string }).version
}

async function backup(context: CliContext, dir: string, options: RecordsOptions): Promise<void> {
  const folder = path.resolve(context.cwd, dir)
  const config = await configOf(context, options)
  const opened = await openPlace(context, config)
  try {
    await backUpTo(context, folder, config, opened.place, options)
  } finally {
    await opened.close()
  }
}

async function backUpTo(
  { output, clock }: CliContext,
  folder: string,
  config: Loaded['config'],
  place: StorePlace,
  options: RecordsOptions,
): Promise<void> {
  const addMore = async (target: string) => {
    const opened = await openRecordStore(place, { clock, logger: silentLogger })
    if (!opened.ok) return opened
    try {
      return await exportRecords(opened.value, { folder: path.join(target, BACKUP_EXPORT), clock })
    } finally {
      await opened.value.close()
    }
  }
  const manifest = valueOrFail(
    await backUp({
      dataDir: config.data.dir,
      folder,
      clock,
      version: await versionOf(),
      onFile: (name) => output.progress.update(name),
      ...(place.kind === 'postgres' ? { addMore } : {}),
    }),
  )
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  if (options.json) return output.json({ folder, dataDir: config.data.dir, files: manifest.files.length, bytes })
  output.line(`${config.data.dir} is in ${folder}: ${countText(manifest.files.length, 'file')}, ${bytesText(bytes)}`)
  if (place.kind === 'postgres') output.line(`the records of its database are in ${path.join(folder, BACKUP_EXPORT)}`)
  output.note('note: it holds keys and what was said: keep it as safe as the data directory itself')
}

async function restore(context: CliContext, dir: string, options: RecordsOptions & { readonly dryRun: boolean }) {
  const { output, clock } = context
  const folder = path.resolve(context.cwd, dir)
  const config = await configOf(context, options)
  const dataDir = config.data.dir
  const [running] = await listRuns(dataDir)
  if (running && !options.dryRun) {
    throw new CliError(
      `a platform runs on ${dataDir} (process ${running.pid}, ${running.url}); stop it, then restore`,
      EXIT.failed,
    )
  }
  const { dryRun } = options
  const onFile = (name: string) => output.progress.update(name)
  const { manifest, previous } = valueOrFail(await restoreBackup({ dataDir, folder, clock, dryRun, onFile }))
  // One that lies elsewhere does not go aside with the directory.
  if (!dryRun) await setAsidePostgres(dataDir, clock.wallMs())
  const records = dryRun ? undefined : await restoreExport(context, folder, options)
  const { version, createdAtMs } = await readBackup(folder).catch(() => manifest)
  const of = `of ${new Date(createdAtMs).toISOString()} (Parley ${version})`
  if (options.json) {
    return output.json({ folder, dataDir, dryRun, files: manifest.files.length, previous: previous ?? null, records })
  }
  if (dryRun) return output.line(`${folder} is whole: ${countText(manifest.files.length, 'file')} ${of}`)
  output.line(`${dataDir} is as ${of}`)
  if (previous !== undefined) output.line(`what was there is in ${previous}; remove it when all is well`)
  if (records) output.line(`${countText(records.restored, 'record')} of ${records.rows} restored to the database`)
}

/** The export that a backup with a PostgreSQL holds goes back into the database of the configuration, or into a new one of the data directory. */
async function restoreExport(context: CliContext, folder: string, options: RecordsOptions) {
  const exported = path.join(folder, BACKUP_EXPORT)
  if (!(await stat(exported).catch(() => undefined))) return undefined
  // Read anew: the configuration may have come with the data directory.
  const opened = await openPlace(context, await configOf(context, options), true)
  try {
    const store = valueOrFail(await openRecordStore(opened.place, { clock: context.clock, logger: silentLogger }))
    try {
      return valueOrFail(await restoreRecords(store, { folder: exported }))
    } finally {
      await store.close()
    }
  } finally {
    await opened.close()
  }
}

export function createBackupCommand(context: CliContext): Command {
  return addRecordsOptions(new Command('backup'))
    .description(
      'Copy the data directory (keys, records, archives) into a folder; the platform may run meanwhile. With a PostgreSQL its records are exported beside it.',
    )
    .argument('<dir>', 'folder that is not there yet, or is empty')
    .action((dir, options) => backup(context, dir, options))
}

export function createRestoreCommand(context: CliContext): Command {
  return addRecordsOptions(new Command('restore'))
    .description(
      'Put a backup in the place of the data directory. All of it is checked first; what was there is kept beside it. Nothing may run on the directory.',
    )
    .argument('<dir>', 'what `parley backup` wrote')
    .addOption(new Option('--dry-run', 'only check the backup').default(false))
    .action((dir, options) => restore(context, dir, options))
}
