// Forgetting a user wherever records are: rows, spills, archives, and the exports that are named. Done again it finds nothing, and
// finishes what was interrupted.
import { access } from 'node:fs/promises'
import { type Clock, newId, ok, type Result } from '@parley/kernel'
import { FORGOTTEN_NAME } from '../forgotten.ts'
import type { Forgotten, RecordStore } from '../record-store.ts'
import { caught, failure, type StoreError } from '../store-error.ts'
import { Spill } from '../writer/spill.ts'
import { ARCHIVE_LOCK, archivesIn } from './archiver.ts'
import { rewriteFolder, withoutRecordsOf } from './rewrite.ts'

export interface ForgetOptions {
  readonly tenant: string
  readonly userId: string
  readonly clock: Clock
  /** Files of the spills of this machine's members. */
  readonly spillFiles: readonly string[]
  readonly archiveFolder: string
  /** Exports that are to be rewritten, too. */
  readonly exports?: readonly string[]
  /** Who does it, for the audit log. */
  readonly actor: string
  readonly dryRun?: boolean
}

export interface ForgetReport {
  readonly rows: Forgotten
  /** Records deleted from spills, or renamed in them. */
  readonly spilled: number
  readonly archived: { readonly records: number; readonly files: number }
  readonly exported: { readonly records: number; readonly files: number }
  /** What is left to the operator, in sentences. */
  readonly remarks: readonly string[]
}

/** BUSY when an archive is being written: rows and spills are done then, and the same command does the rest later. */
export function forgetUser(store: RecordStore, options: ForgetOptions): Promise<Result<ForgetReport, StoreError>> {
  return caught(async () => {
    const { tenant, userId, dryRun } = options
    const rows = await store.forget(tenant, userId, dryRun)
    if (!rows.ok) return rows
    let spilled = 0
    for (const file of options.spillFiles) {
      const found = await forgetSpilled(file, options)
      if (!found.ok) return found
      spilled += found.value
    }
    const rewrite = withoutRecordsOf(tenant, userId)
    const rewriteAll = async (folders: readonly string[]) => {
      const sum = { records: 0, files: 0 }
      for (const folder of folders) {
        const done = await rewriteFolder(folder, (file) => Object.hasOwn(file.tenants, tenant), rewrite, dryRun)
        sum.records += done.records
        sum.files += done.files
      }
      return sum
    }
    const archived = await store.database.exclusively(ARCHIVE_LOCK, async () =>
      rewriteAll(await archivesIn(options.archiveFolder)),
    )
    if (!archived) {
      return failure(
        'BUSY',
        'rows and spills are done, but records are being archived by another process: run the same again when it is done',
      )
    }
    const exported = await rewriteAll(options.exports ?? [])
    const remark = dryRun ? undefined : await store.database.scrub()
    if (!dryRun) await writeAct(store, options)
    const remarks = [
      ...(remark === undefined ? [] : [remark]),
      'backups and exports made before still hold the user, unless they are named with --also',
      'sessions of the user that are live end within seconds on the pods that run; what they record until then goes, too',
    ]
    return ok({ rows: rows.value, spilled, archived: archived.value, exported, remarks })
  })
}

async function forgetSpilled(file: string, options: ForgetOptions): Promise<Result<number, StoreError>> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  )
  if (!isThere) return ok(0)
  const spill = new Spill({ file, clock: options.clock })
  try {
    const opened = await spill.open(false)
    return opened.ok ? await spill.forget(options.tenant, options.userId, options.dryRun) : opened
  } finally {
    await spill.close()
  }
}

/** The act is kept; its target is not named, or it would not be forgotten. */
async function writeAct(store: RecordStore, { clock, tenant, actor }: ForgetOptions): Promise<void> {
  const row = {
    auditId: newId('aud'),
    atMs: clock.wallMs(),
    tenant,
    actor,
    action: 'records.forget-user',
    target: FORGOTTEN_NAME,
    result: 'ok',
  }
  await store.write([{ table: 'audit', row }])
}
