// Records out of a database and back: exports, and restoring them or an archive. Restoring twice changes nothing.
import { mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, ok, type Result } from '@parley/kernel'
import { countOlder } from '../pages.ts'
import type { RecordStore } from '../record-store.ts'
import { TABLE_NAMES } from '../records.ts'
import { caught, failure, type StoreError, StoreFailure } from '../store-error.ts'
import { copyRows, type OnProgress } from './copy.ts'
import { checkFile, MANIFEST, type Manifest, readManifest, readRecords, writeManifest } from './record-files.ts'

export interface ExportOptions {
  /** Made when it is not there; must be empty. */
  readonly folder: string
  readonly clock: Clock
  /** Only this tenant's; everything, with who was forgotten and what is kept how long, unless told. */
  readonly tenant?: string
  readonly dryRun?: boolean
  readonly onProgress?: OnProgress
}

export interface ExportReport {
  readonly rows: number
  readonly files: number
  readonly bytes: number
}

/** Writes all records into files; the manifest comes last, so that a folder without one was interrupted. */
export function exportRecords(store: RecordStore, options: ExportOptions): Promise<Result<ExportReport, StoreError>> {
  return caught(async () => {
    const { folder, clock, tenant, onProgress } = options
    const { queries } = store.database
    let totalRows = 0
    for (const table of TABLE_NAMES) totalRows += await countOlder(queries, table, Number.MAX_SAFE_INTEGER, tenant)
    if (options.dryRun) return ok({ rows: totalRows, files: 0, bytes: 0 })
    await mkdir(folder, { recursive: true, mode: 0o700 })
    if ((await readdir(folder)).length > 0) {
      return failure('REFUSED', `${folder} is not empty; name a folder that is not there yet`)
    }
    const files = await copyRows({
      queries,
      folder,
      totalRows,
      ...(tenant === undefined ? {} : { tenant }),
      ...(onProgress ? { onProgress } : {}),
    })
    const manifest: Manifest = {
      format: 1,
      kind: 'export',
      createdAtMs: clock.wallMs(),
      state: 'done',
      rewrites: 0,
      files,
    }
    await writeManifest(folder, { ...manifest, ...(await settingsOf(store, tenant)) })
    const sum = (of: 'rows' | 'bytes') => files.reduce((total, file) => total + file[of], 0)
    return ok({ rows: sum('rows'), files: files.length, bytes: sum('bytes') })
  })
}

/** What a new database needs beside the rows: how long finals are kept, and who must not come back. */
async function settingsOf(store: RecordStore, tenant: string | undefined): Promise<Partial<Manifest>> {
  const { queries } = store.database
  const kept = await queries.selectFrom('retention').selectAll().execute()
  const retention = Object.fromEntries(
    kept.filter((row) => tenant === undefined || row.tenant === tenant).map((row) => [row.tenant, row.finalsDays]),
  )
  if (tenant !== undefined) return { retention }
  const users = await queries.selectFrom('forgottenUsers').selectAll().execute()
  const entries = users.map((row) => [row.userKey, row.forgottenAtMs] as const)
  return { retention, forgotten: { salt: await store.salt(), users: Object.fromEntries(entries) } }
}

export interface RestoreOptions {
  /** An export, one run of the archive, or a folder of such. */
  readonly folder: string
  /** Only checks the files, and counts. */
  readonly dryRun?: boolean
  readonly onProgress?: OnProgress
}

export interface RestoreReport {
  readonly files: number
  readonly rows: number
  /** Rows that were not there, or not as they are now. */
  readonly restored: number
  readonly alreadyThere: number
  /** Records of users who were forgotten since. */
  readonly forgotten: number
  /** Finals of tenants that keep none. */
  readonly notKept: number
}

const BATCH_ROWS = 500

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => {
    throw new StoreFailure('REFUSED', `${folder} is not a folder that can be read`)
  })
  if (entries.some((entry) => entry.name === MANIFEST)) return [folder]
  const below: string[] = []
  for (const entry of entries.filter((each) => each.isDirectory() && !each.name.startsWith('.'))) {
    const names = await readdir(path.join(folder, entry.name))
    if (names.includes(MANIFEST)) below.push(path.join(folder, entry.name))
  }
  if (below.length > 0) return below.sort()
  throw new StoreFailure('REFUSED', `${folder} has no ${MANIFEST}, nor has a folder in it: it is no archive or export`)
}

/** Every file is checked before the first row is written. */
export function restoreRecords(
  store: RecordStore,
  options: RestoreOptions,
): Promise<Result<RestoreReport, StoreError>> {
  return caught(async () => {
    const manifests: [string, Manifest][] = []
    for (const folder of await foldersIn(options.folder)) manifests.push([folder, await readManifest(folder)])
    const totalRows = manifests.flatMap(([, { files }]) => files).reduce((sum, file) => sum + file.rows, 0)
    const report = { files: 0, rows: 0, restored: 0, alreadyThere: 0, forgotten: 0, notKept: 0 }
    for (const [folder, { files }] of manifests) {
      for (const file of files) {
        await checkFile(folder, file)
        report.files++
        report.rows += file.rows
        options.onProgress?.({ step: 'checking', doneRows: report.rows, totalRows })
      }
    }
    if (options.dryRun) return ok(report)
    let doneRows = 0
    for (const [folder, manifest] of manifests) {
      await restoreSettings(store, manifest)
      for (const file of manifest.files) {
        for await (const records of readRecords(folder, file, BATCH_ROWS)) {
          const written = await store.write(records)
          if (!written.ok) return written
          const { changed, forgotten, notKept } = written.value
          report.restored += changed
          report.forgotten += forgotten
          report.notKept += notKept
          doneRows += records.length
          options.onProgress?.({ step: 'writing', doneRows, totalRows })
        }
      }
    }
    return ok({ ...report, alreadyThere: report.rows - report.restored - report.forgotten - report.notKept })
  })
}

/** What the database says itself goes before what the export says; a database that has forgotten nobody takes over who was. */
async function restoreSettings(store: RecordStore, { retention, forgotten }: Manifest): Promise<void> {
  const { queries } = store.database
  for (const [tenant, finalsDays] of Object.entries(retention ?? {})) {
    await queries
      .insertInto('retention')
      .values({ tenant, finalsDays })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
  if (!forgotten || !(await store.adoptSalt(forgotten.salt))) return
  for (const [userKey, forgottenAtMs] of Object.entries(forgotten.users)) {
    await queries
      .insertInto('forgottenUsers')
      .values({ userKey, forgottenAtMs })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}
