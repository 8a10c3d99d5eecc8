// Archives and exports are rewritten when somebody is forgotten, and when a tenant keeps its finals no longer: a new file beside the
// old one, then the manifest, then the old one goes. A crash between leaves a whole archive.
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { StoredRecord } from '../records.ts'
import { withoutUser } from '../writer/spill.ts'
import {
  checkFile,
  MANIFEST,
  type Manifest,
  type RecordFile,
  RecordFileWriter,
  readManifest,
  readRecords,
  writeManifest,
} from './record-files.ts'

/** What becomes of a record: itself, another, or nothing. */
export type Rewrite = (record: StoredRecord) => StoredRecord | undefined

const DAY_MS = 86_400_000
const BATCH_ROWS = 500

export const withoutRecordsOf =
  (tenant: string, userId: string): Rewrite =>
  (record) => {
    if (record.row.tenant !== tenant) return record
    if (record.table === 'audit') return withoutUser(record, userId)
    return record.table !== 'usage' && record.row.userId === userId ? undefined : record
  }

async function countChanged(folder: string, file: RecordFile, rewrite: Rewrite): Promise<number> {
  let changed = 0
  for await (const records of readRecords(folder, file, BATCH_ROWS)) {
    for (const record of records) if (rewrite(record) !== record) changed++
  }
  return changed
}

async function rewriteFile(folder: string, file: RecordFile, rewrites: number, rewrite: Rewrite) {
  const name = `${file.name.replace(/(\.r\d+)?\.ndjson\.gz$/, '')}.r${rewrites}.ndjson.gz`
  await rm(path.join(folder, name), { force: true })
  const writer = await RecordFileWriter.create(folder, name, file.table)
  try {
    for await (const records of readRecords(folder, file, BATCH_ROWS)) {
      await writer.write(records.map(rewrite).filter((record) => record !== undefined))
    }
    return await writer.finish()
  } catch (error) {
    await writer.abandon(folder)
    throw error
  }
}

/** Files that no manifest names: what an interrupted rewrite left, the forgotten included. */
async function sweep(folder: string, manifest: Manifest): Promise<void> {
  const named = new Set(manifest.files.map((file) => file.name))
  for (const name of await readdir(folder)) {
    const isOurs = name.endsWith('.ndjson.gz') || name === `${MANIFEST}.new`
    if (isOurs && !named.has(name)) await rm(path.join(folder, name))
  }
}

/**
 * Applies `rewrite` to the files of `folder` that `isTouched` says may hold something; returns how many records it changed or
 * took out. With `dryRun` it only counts. Throws a StoreFailure.
 */
export async function rewriteFolder(
  folder: string,
  isTouched: (file: RecordFile) => boolean,
  rewrite: Rewrite,
  dryRun = false,
): Promise<{ records: number; files: number }> {
  const manifest = await readManifest(folder)
  const rewrites = manifest.rewrites + 1
  const files: RecordFile[] = []
  let [records, touched] = [0, 0]
  for (const file of manifest.files) {
    if (isTouched(file)) await checkFile(folder, file)
    const changed = isTouched(file) ? await countChanged(folder, file, rewrite) : 0
    if (changed > 0) touched++
    records += changed
    if (changed === 0 || dryRun) files.push(file)
    else {
      const made = await rewriteFile(folder, file, rewrites, rewrite)
      if (made.rows > 0) files.push(made)
    }
  }
  if (dryRun) return { records, files: touched }
  const after = touched === 0 ? manifest : { ...manifest, rewrites, files }
  if (touched > 0) await writeManifest(folder, after)
  await sweep(folder, after)
  return { records, files: touched }
}

/** Takes finals out of archives whose tenant keeps them no longer; how many. */
export async function dropExpired(
  folders: readonly string[],
  retention: ReadonlyMap<string, number>,
  nowMs: number,
): Promise<number> {
  const limitMs = (tenant: string) => {
    const days = retention.get(tenant) ?? 0
    return days === 0 ? Number.POSITIVE_INFINITY : nowMs - days * DAY_MS
  }
  let dropped = 0
  for (const folder of folders) {
    const { records } = await rewriteFolder(
      folder,
      (file) => file.table === 'finals' && Object.keys(file.tenants).some((tenant) => file.fromMs < limitMs(tenant)),
      (record) =>
        record.table === 'finals' && record.row.recordedAtMs < limitMs(record.row.tenant) ? undefined : record,
    )
    dropped += records
  }
  return dropped
}
